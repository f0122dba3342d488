/** What every store must do. Run on each implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Kind, Resource } from '../src/kinds.ts';
import { withSpec } from '../src/store/batch.ts';
import { Conflict } from '../src/store/conflict.ts';
import type { Store } from '../src/store/store.ts';
import { at, draft, flavor, instance, uuid } from './store-objects.ts';

const put = async <R extends Resource>(store: Store, object: R): Promise<R> =>
  (await store.commit(draft().add(object).batch)).objects.get(object.id) as R;
const read = async <K extends Kind>(store: Store, kind: K, number: number) => {
  const found = await store.get(kind, uuid(number));
  if (!found) throw new Error(`no ${kind} ${number}`);
  return found;
};
const conflict = (what: string) => ({ name: 'Conflict', reason: { what } });
export function storeConformance(name: string, open: () => Promise<Store>): void {
  describe(`store: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    test('what was put is read back with its revision', async () => {
      const stored = await put(store, flavor(1));
      expect(stored.revision).toBe(await store.revision());
      expect(await store.get('flavor', uuid(1))).toEqual(stored);
      expect(await store.get('flavor', uuid(2))).toBeUndefined();
      expect(await store.get('image', uuid(1))).toBeUndefined();
      expect(await store.named('flavor', 'f1')).toEqual([stored]);
    });

    test('of two writers that read the same one loses', async () => {
      const stored = await put(store, flavor(1));
      await store.commit(draft().put(withSpec(stored, { vcpus: 2 })).batch);
      await expect(store.commit(draft().put(withSpec(stored, { vcpus: 3 })).batch)).rejects.toMatchObject(
        conflict('revision'),
      );
      await expect(store.commit(draft().add(flavor(1)).batch)).rejects.toMatchObject(conflict('revision'));
      await expect(store.commit(draft().remove(stored).batch)).rejects.toMatchObject(conflict('revision'));
      expect((await read(store, 'flavor', 1)).spec.vcpus).toBe(2);
    });

    test('a batch is written whole or not at all', async () => {
      const stored = await put(store, flavor(1));
      const before = await store.revision();
      const batch = draft().add(flavor(2)).take('space', 'value', uuid(2));
      batch.batch.log.push({
        operation: uuid(9),
        lines: [{ at: stored.createdAt, level: 'info', text: 'x' }],
      });
      batch.batch.counters.push({ name: 'c', from: 0, to: 1 });
      batch.batch.events.push({ at: stored.createdAt, type: 'a', level: 'info', message: 'x' });
      batch.put({ ...stored, revision: '1.999' });
      await expect(store.commit(batch.batch)).rejects.toBeInstanceOf(Conflict);
      expect(await store.revision()).toBe(before);
      expect(await store.get('flavor', uuid(2))).toBeUndefined();
      expect(await store.claims('space')).toEqual([]);
      expect(await store.log(uuid(9))).toEqual([]);
      expect(await store.events({}, 10)).toEqual([]);
      expect(await store.counter('c')).toBe(0);
    });

    test('lists as JSON hold the same as lists of objects, page by page', async () => {
      for (let n = 1; n <= 5; n++) await put(store, flavor(n));
      for (const page of [{}, { limit: 2 }, { limit: 2, order: 'newest' as const }]) {
        const [objects, texts] = await Promise.all([
          store.list('flavor', {}, page),
          store.listTexts('flavor', {}, page),
        ]);
        expect(texts).toMatchObject({ revision: objects.revision });
        expect(texts.next).toBe(objects.next);
        expect(texts.items.map(({ json }) => JSON.parse(json) as unknown)).toEqual(objects.items);
        expect(texts.items.map(({ meta }) => meta.id)).toEqual(objects.items.map(({ id }) => id));
      }
    });

    test('what was only read must be unchanged too', async () => {
      const stored = await put(store, flavor(1));
      await store.commit(draft().relyOn(stored).add(flavor(2)).batch);
      await store.commit(draft().put(withSpec(stored, { vcpus: 2 })).batch);
      await expect(store.commit(draft().relyOn(stored).add(flavor(3)).batch)).rejects.toMatchObject(
        conflict('revision'),
      );
    });

    test('a claim has one owner until it is released', async () => {
      await store.commit(draft().take('ipv4', '10.0.0.1', uuid(1)).take('mac', 'm', uuid(1)).batch);
      const second = draft().take('ipv4', '10.0.0.1', uuid(2));
      await expect(store.commit(second.batch)).rejects.toMatchObject({
        reason: { what: 'claim', space: 'ipv4', value: '10.0.0.1', owner: uuid(1) },
      });
      // released and taken in one batch
      await store.commit(draft().release(uuid(1)).take('ipv4', '10.0.0.1', uuid(2)).batch);
      expect(await store.claims('ipv4')).toEqual([{ space: 'ipv4', value: '10.0.0.1', owner: uuid(2) }]);
      expect(await store.claims('mac')).toEqual([]);
    });

    test('who has a claim, and what is the first that nobody has', async () => {
      await store.commit(
        draft().take('ipv4', 'a', uuid(1)).take('ipv4', 'c', uuid(2)).take('mac', 'b', uuid(1)).batch,
      );
      expect(await store.claimant('ipv4', 'c')).toBe(uuid(2));
      expect(await store.claimant('ipv4', 'b')).toBeUndefined();
      expect(await store.firstUnclaimed('ipv4', ['c', 'a', 'b', 'd'])).toBe('b');
      expect(await store.firstUnclaimed('ipv4', ['a', 'c'])).toBeUndefined();
      expect(await store.firstUnclaimed('ipv4', [])).toBeUndefined();
      expect(await store.firstUnclaimed('another', ['z', 'a'])).toBe('z');
    });

    test('a sequence moves only from where it was read', async () => {
      const step = (from: number, to: number) => {
        const next = draft();
        next.batch.counters.push({ name: 'operation', from, to });
        return store.commit(next.batch);
      };
      await step(0, 1);
      await expect(step(0, 1)).rejects.toMatchObject(conflict('counter'));
      await step(1, 1);
      expect(await store.counter('operation')).toBe(1);
    });

    test('an idempotency key is recorded once per token', async () => {
      const keep = (token: string) => {
        const next = draft();
        next.batch.idempotency = {
          token,
          key: 'k',
          digest: 'd',
          atMs: at,
          made: { kind: 'flavor', id: uuid(1) },
        };
        return store.commit(next.batch);
      };
      await keep(uuid(1));
      await expect(keep(uuid(1))).rejects.toMatchObject(conflict('idempotency'));
      await keep(uuid(2));
      expect(await store.idempotent(uuid(1), 'k')).toMatchObject({ digest: 'd' });
      expect(await store.expire({ idempotencyMs: at })).toBe(0);
      expect(await store.expire({ idempotencyMs: at + 1 })).toBe(2);
      expect(await store.idempotent(uuid(1), 'k')).toBeUndefined();
    });

    test('refusals are kept under the request’s id, the newest only, and go with time', async () => {
      const keep = (request: string, project?: string) => {
        const next = draft();
        const whose = project === undefined ? {} : { project };
        next.batch.refusal = { request, ...whose, decision: { lookedAt: 3, verdicts: [] } };
        return store.commit(next.batch);
      };
      await keep('req_1', uuid(7));
      expect(await store.refusal('req_1')).toEqual({
        project: uuid(7),
        decision: { lookedAt: 3, verdicts: [] },
      });
      expect(await store.refusal('req_2')).toBeUndefined();
      for (let n = 2; n <= 201; n++) await keep(`req_${n}`);
      expect(await store.refusal('req_1')).toBeUndefined();
      expect(await store.refusal('req_2')).toEqual({ decision: { lookedAt: 3, verdicts: [] } });
      expect(await store.expire({ idempotencyMs: at + 1 })).toBe(200);
    });

    test('what was heard of a node is replaced only by who read it', async () => {
      const row = { node: uuid(1), bootId: 'b', formerBoots: [], run: 1, sequence: 1, atMs: at, gauges: {} };
      const write = (sequence: number, after: typeof row | undefined) => {
        const next = draft();
        next.batch.seen = { row: { ...row, sequence }, after };
        return store.commit(next.batch);
      };
      const before = await store.revision();
      await write(1, undefined);
      await expect(write(2, undefined)).rejects.toMatchObject(conflict('seen'));
      await write(2, row);
      expect(await store.seen(uuid(1))).toMatchObject({ sequence: 2 });
      const [heard, ...others] = await store.heard();
      expect({ ...heard }).toEqual({ node: uuid(1), bootId: 'b', run: 1, sequence: 2 });
      expect(others).toEqual([]);
      expect(await store.revision()).toBe(before);
    });

    test('secrets go with their token', async () => {
      const token = { ...flavor(1), kind: 'token', spec: { role: 'admin' } } as unknown as Resource;
      const hash = new Uint8Array(32).fill(7);
      const made = draft().add(token);
      made.batch.secrets.push({ token: token.id, hash });
      const { objects } = await store.commit(made.batch);
      expect((await store.secret(hash))?.token).toBe(token.id);
      await store.commit(draft().remove(objects.get(token.id) as Resource).batch);
      expect(await store.secret(hash)).toBeUndefined();
    });

    test('labels are those of the object as it is now', async () => {
      const labelled = async (labels: Record<string, string>) =>
        (await store.list('instance', { labels })).items.map(({ name }) => name);
      const first = await put(store, instance(1, 100));
      const second = await put(store, { ...instance(2, 100), labels: { parity: 'even', tier: 'db' } });
      expect(await labelled({ parity: 'even', tier: 'db' })).toEqual(['i2']);
      await store.commit(draft().put({ ...first, name: 'renamed', labels: { tier: 'db' } }).batch);
      expect(await labelled({ parity: 'odd' })).toEqual([]);
      expect(await labelled({ tier: 'db' })).toEqual(['i2', 'renamed']);
      await store.commit(draft().remove(second).batch);
      expect(await labelled({ tier: 'db' })).toEqual(['renamed']);
    });

    test('lists filter, and pages neither repeat nor skip', async () => {
      for (let number = 1; number <= 7; number++) await put(store, instance(number, 100 + (number % 2), 200));
      await put(store, flavor(50));
      const names = async (filter: Parameters<Store['list']>[1]) =>
        (await store.list('instance', filter)).items.map((item) => item.name);
      expect(await names({})).toEqual(['i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7']);
      expect(await names({ project: uuid(100) })).toEqual(['i2', 'i4', 'i6']);
      expect(await names({ project: null })).toEqual([]);
      expect(await names({ node: uuid(200), labels: { parity: 'odd' } })).toEqual(['i1', 'i3', 'i5', 'i7']);
      expect(await names({ node: uuid(200), labels: { parity: 'odd', other: 'odd' } })).toEqual([]);
      expect(await names({ states: ['stopped'] })).toEqual([]);
      const paged = async (filter: Parameters<Store['list']>[1], order: 'name' | 'newest' | 'oldest') => {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list('instance', filter, {
            limit: 3,
            order,
            ...(cursor ? { cursor } : {}),
          });
          seen.push(...page.items.map((item) => item.name));
          cursor = page.next;
        } while (cursor);
        return seen;
      };
      for (const order of ['name', 'newest', 'oldest'] as const) {
        const all = ['i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7'];
        const odd = ['i1', 'i3', 'i5', 'i7'];
        expect(await paged({}, order)).toEqual(order === 'newest' ? all.reverse() : all);
        expect(await paged({ labels: { parity: 'odd' } }, order)).toEqual(
          order === 'newest' ? odd.reverse() : odd,
        );
      }
      await expect(store.list('instance', {}, { cursor: 'nonsense' })).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    });

    test('log lines and events are kept in order and have no revision', async () => {
      const before = await store.revision();
      const next = draft();
      const time = new Date(at).toISOString();
      next.batch.log.push({
        operation: uuid(1),
        lines: ['a', 'b'].map((text) => ({ at: time, level: 'info', text })),
      });
      next.batch.events.push({ at: time, type: 'x', level: 'info', message: 'one', project: uuid(100) });
      next.batch.events.push({ at: time, type: 'y', level: 'info', message: 'two' });
      await store.commit(next.batch);
      const lines = await store.log(uuid(1));
      expect(lines.map(({ text }) => text)).toEqual(['a', 'b']);
      expect((await store.log(uuid(1), lines[0]?.number)).map(({ text }) => text)).toEqual(['b']);
      const messages = async (filter: object) =>
        (await store.events(filter, 10)).map(({ message }) => message);
      expect(await messages({})).toEqual(['two', 'one']);
      expect(await messages({ type: 'x' })).toEqual(['one']);
      expect(await messages({ projects: [uuid(100)] })).toEqual(['one']);
      expect(await store.revision()).toBe(before);
    });
  });
}
