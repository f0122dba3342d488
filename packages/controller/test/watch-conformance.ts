/** What watching any store must do. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Resource } from '../src/kinds.ts';
import { withSpec } from '../src/store/batch.ts';
import { retrying } from '../src/store/conflict.ts';
import type { Store } from '../src/store/store.ts';
import { type Match, type WatchEvent, watch } from '../src/store/watch.ts';
import { at, draft, flavor, instance, uuid } from './store-objects.ts';

const put = async <R extends Resource>(store: Store, object: R): Promise<R> =>
  (await store.commit(draft().add(object).batch)).objects.get(object.id) as R;
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

export function watchConformance(name: string, open: () => Promise<Store>): void {
  describe(`watching: ${name}`, () => {
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

    test('a watch tells every change after a revision, then that it has caught up', async () => {
      const start = await store.revision();
      const one = await put(store, flavor(1));
      await store.commit(draft().put(withSpec(one, { vcpus: 2 })).batch);
      const events = watch(store, start, everything, stop.signal);
      expect(kindsOf(await take(events, 3))).toEqual(['put f1', 'put f1', 'bookmark']);
      const rest = watch(store, one.revision, everything, stop.signal);
      const next = take(rest, 3);
      await store.commit(draft().remove((await store.get('flavor', uuid(1))) as Resource).batch);
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
