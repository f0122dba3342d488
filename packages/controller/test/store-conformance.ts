/** What every store must do. Run on each implementation. */
import type { Instance } from '@gantry/model';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Kind, Resource } from '../src/kinds.ts';
import { withSpec } from '../src/store/batch.ts';
import { Conflict, retrying } from '../src/store/conflict.ts';
import type { Store } from '../src/store/store.ts';
import { type Match, type WatchEvent, watch } from '../src/store/watch.ts';
import { at, draft, flavor, uuid } from './store-flavor.ts';

const instance = (number: number, project: number, node?: number): Instance =>
  ({
    kind: 'instance',
    id: uuid(number),
    name: `i${number}`,
    project: uuid(project),
    labels: { parity: number % 2 ? 'odd' : 'even' },
    revision: '0.0',
    generation: 1,
    createdAt: new Date(at).toISOString(),
    spec: {
      vcpus: 1,
      memoryMiB: 1,
      boot: { kernel: 'disk' },
      disks: [],
      nics: [],
      power: 'running',
      personality: {},
    },
    status: { state: 'running', ...(node ? { node: uuid(node) } : {}), timeline: {}, conditions: [] },
  }) as unknown as Instance;

const put = async <R extends Resource>(store: Store, object: R): Promise<R> =>
  (await store.commit(draft().add(object).batch)).objects.get(object.id) as R;
const read = async <K extends Kind>(store: Store, kind: K, number: number) => {
  const found = await store.get(kind, uuid(number));
  if (!found) throw new Error(`no ${kind} ${number}`);
  return found;
};
const conflict = (what: string) => ({ name: 'Conflict', reason: { what } });
const everything: Match = () => true;

/** So many events of a watch. */
async function take(events: AsyncGenerator<WatchEvent>, count: number): Promise<WatchEvent[]> {
  const taken: WatchEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}
const kindsOf = (events: WatchEvent[]) =>
  events.map((event) =>
    event.type === 'put'
      ? `put ${event.object.name}`
      : event.type === 'delete'
        ? `delete ${event.name}`
        : 'bookmark',
  );

export function storeConformance(name: string, open: () => Promise<Store>): void {
  describe(`store: ${name}`, () => {
    let store: Store;
    let stop: AbortController;
    beforeEach(async () => {
      store = await open();
      stop = new AbortController();
    });
    afterEach(async () => {
      stop.abort();
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

    test('lists filter, and pages neither repeat nor skip', async () => {
      for (let number = 1; number <= 7; number++) await put(store, instance(number, 100 + (number % 2), 200));
      await put(store, flavor(50));
      const names = async (filter: Parameters<Store['list']>[1]) =>
        (await store.list('instance', filter)).items.map((item) => item.name);
      expect(await names({})).toEqual(['i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7']);
      expect(await names({ project: uuid(100) })).toEqual(['i2', 'i4', 'i6']);
      expect(await names({ project: null })).toEqual([]);
      expect(await names({ node: uuid(200), labels: { parity: 'odd' } })).toEqual(['i1', 'i3', 'i5', 'i7']);
      expect(await names({ states: ['stopped'] })).toEqual([]);
      for (const order of ['name', 'newest', 'oldest'] as const) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list('instance', {}, { limit: 3, order, ...(cursor ? { cursor } : {}) });
          seen.push(...page.items.map((item) => item.name));
          cursor = page.next;
        } while (cursor);
        const sorted = ['i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7'];
        expect(seen).toEqual(order === 'newest' ? sorted.reverse() : sorted);
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
      expect(await messages({ project: uuid(100) })).toEqual(['one']);
      expect(await store.revision()).toBe(before);
    });

    test('a watch tells every change after a revision, then that it has caught up', async () => {
      const start = await store.revision();
      const one = await put(store, flavor(1));
      await store.commit(draft().put(withSpec(one, { vcpus: 2 })).batch);
      const events = watch(store, start, everything, stop.signal);
      expect(kindsOf(await take(events, 3))).toEqual(['put f1', 'put f1', 'bookmark']);
      const rest = watch(store, one.revision, everything, stop.signal);
      const next = take(rest, 3);
      await store.commit(draft().remove(await read(store, 'flavor', 1)).batch);
      expect(kindsOf(await next)).toEqual(['put f1', 'bookmark', 'delete f1']);
    });

    test('what leaves the filter is told as a delete, what never was in it not at all', async () => {
      const start = await store.revision();
      const match: Match = ({ node }) => node === uuid(200);
      const there = await put(store, instance(1, 100, 200));
      const elsewhere = await put(store, instance(2, 100, 201));
      const moved = {
        ...there,
        status: { ...there.status, node: uuid(201) as NonNullable<typeof there.status.node> },
      };
      await store.commit(draft().put(moved).batch);
      await store.commit(draft().remove(elsewhere).batch);
      const events = await take(watch(store, start, match, stop.signal), 3);
      expect(kindsOf(events)).toEqual(['put i1', 'delete i1', 'bookmark']);
      expect(events.at(-1)?.revision).toBe(await store.revision());
    });

    test('a revision that was compacted away, or is of another store, is refused', async () => {
      const start = await store.revision();
      const { revision: first } = await put(store, flavor(1));
      const { revision: second } = await put(store, flavor(2));
      expect(await store.compact(at, 1)).toBe(1);
      const refused = { code: 'revision_compacted' };
      for (const from of [start, '999.1', '1.999999'])
        await expect(take(watch(store, from, everything, stop.signal), 1)).rejects.toMatchObject(refused);
      expect(kindsOf(await take(watch(store, first, everything, stop.signal), 2))).toEqual([
        'put f2',
        'bookmark',
      ]);
      expect(await store.compact(at + 1, 100)).toBe(1);
      expect(kindsOf(await take(watch(store, second, everything, stop.signal), 1))).toEqual(['bookmark']);
      expect((await put(store, flavor(3))).revision).not.toBe(second);
    });

    test('concurrent writers and watchers: every change once, in order', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(3), fc.boolean()), { minLength: 1, maxLength: 40 }),
          fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }),
          async (writes, watcherStarts) => historyHolds(await open(), writes, watcherStarts),
        ),
        { numRuns: 40 },
      );
    });
  });
}

/** Writers race on four objects; watchers start at different moments and must all see the same tail of one history. */
async function historyHolds(store: Store, writes: [number, boolean][], starts: number[]): Promise<void> {
  const stop = new AbortController();
  const start = await store.revision();
  const truth: string[] = [];
  store.subscribe(({ changes }) => {
    for (const { number, op, meta } of changes) truth.push(`${number} ${op} ${meta.name}`);
  });
  const write = async ([which, remove]: [number, boolean]) =>
    retrying(async () => {
      const there = await store.get('flavor', uuid(which));
      await Promise.resolve();
      const next = draft();
      if (!there) next.add(flavor(which));
      else if (remove) next.remove(there);
      else next.put(withSpec(there, { vcpus: there.spec.vcpus + 1 }));
      await store.commit(next.batch);
    });
  const running = writes.map(write);
  const watchers = starts.map(async (after) => {
    await Promise.all(running.slice(0, after));
    const from = after % 2 ? start : await store.revision();
    const told: string[] = [];
    const last = () => truth.length > 0 && (told.at(-1) === truth.at(-1) || numberOf(from) >= truth.length);
    for await (const event of watch(store, from, everything, stop.signal)) {
      if (event.type === 'put') told.push(`${numberOf(event.revision)} put ${event.object.name}`);
      if (event.type === 'delete') told.push(`${numberOf(event.revision)} delete ${event.name}`);
      if (truth.length >= writes.length && last()) break;
    }
    expect(told).toEqual(truth.filter((line) => Number(line.split(' ')[0]) > numberOf(from)));
  });
  await Promise.all([...running, ...watchers]);
  expect(truth).toHaveLength(writes.length);
  stop.abort();
  await store.close();
}

const numberOf = (revision: string): number => Number(revision.split('.')[1]);
