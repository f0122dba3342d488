/** What placement keeps in memory, against sums over everything that the store has. */
import { overheadMiB } from '@gantry/guest';
import type { Guest, Replica } from '@gantry/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ClusterView, Mirror } from '../src/placement/mirror.ts';
import { SqliteStore } from '../src/store/sqlite-store.ts';
import { at, draft, instance, uuid } from './store-objects.ts';

const nodes = [1, 2, 3].map(uuid);
const envelope = (number: number, name: string) => ({
  id: uuid(number),
  name,
  revision: '0.0',
  generation: 1,
  createdAt: new Date(at).toISOString(),
});
const guest = (number: number, node: number, memoryMiB: number): Guest =>
  ({
    kind: 'guest',
    ...envelope(1000 + number, `g${number}`),
    spec: {
      node: uuid(node),
      input: { vcpus: number, memoryMiB, extraSpecs: {} },
      fit: { node: uuid(node) },
    },
    status: { state: 'absent' },
  }) as unknown as Guest;
const replica = (number: number, node: number, sizeBytes: number): Replica =>
  ({
    kind: 'replica',
    ...envelope(2000 + number, `r${number}`),
    spec: { what: 'disk', node: uuid(node), desired: 'present', template: 'file-qcow2', sizeBytes },
    status: { state: 'ready', allocatedBytes: 10 * number },
  }) as unknown as Replica;

const slot = fc.integer({ min: 1, max: 6 });
const node = fc.integer({ min: 1, max: 3 });
const step = fc.oneof(
  fc.record({ do: fc.constant('put' as const), slot, node, size: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ do: fc.constant('drop' as const), slot }),
  fc.record({ do: fc.constant('condemn' as const), slot }),
  fc.constant({ do: 'compact' as const }),
  fc.constant({ do: 'read' as const }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function perform(store: SqliteStore, what: Step): Promise<void> {
  if (what.do === 'compact') return void (await store.compact(at + 1, 0));
  if (what.do === 'read') return;
  const [oldGuest, oldReplica, oldInstance] = await Promise.all([
    store.get('guest', uuid(1000 + what.slot)),
    store.get('replica', uuid(2000 + what.slot)),
    store.get('instance', uuid(3000 + what.slot)),
  ]);
  const next = draft();
  if (what.do === 'put') {
    const fresh = [
      guest(what.slot, what.node, what.size),
      replica(what.slot, what.node, what.size),
      instance(3000 + what.slot, 9, what.node),
    ];
    for (const [index, old] of [oldGuest, oldReplica, oldInstance].entries()) {
      const object = fresh[index] as Guest;
      if (old) next.put({ ...object, revision: old.revision });
      else next.add(object);
    }
  } else if (what.do === 'condemn' && oldReplica)
    next.put({ ...oldReplica, spec: { ...oldReplica.spec, desired: 'absent' } } as Replica);
  else if (what.do === 'drop')
    for (const old of [oldGuest, oldReplica, oldInstance]) if (old) next.remove(old);
  await store.commit(next.batch);
}

/** From the store alone. */
async function added(store: SqliteStore) {
  const { items: guests } = await store.list('guest');
  const { items: replicas } = await store.list('replica');
  const { items: instances } = await store.list('instance');
  return nodes.map((id) => {
    const here = guests.filter(({ spec }) => spec.node === id);
    const disks = replicas.filter(({ spec }) => spec.node === id && spec.desired === 'present');
    return {
      memoryMiB: here.reduce(
        (sum, { spec: { input } }) => sum + input.memoryMiB + overheadMiB(input.memoryMiB, input.vcpus),
        0,
      ),
      vcpus: here.reduce((sum, { spec }) => sum + spec.input.vcpus, 0),
      growsBytes: disks.reduce(
        (sum, { spec, status }) =>
          sum + (spec.what === 'disk' ? Math.max(0, spec.sizeBytes - (status.allocatedBytes ?? 0)) : 0),
        0,
      ),
      guests: here.map((each) => each.id as string).sort(),
      residents: instances
        .filter(({ status }) => status.node === id)
        .map((each) => each.name)
        .sort(),
    };
  });
}

const kept = (view: ClusterView) =>
  nodes.map((id) => {
    const { memoryMiB, vcpus, growsBytes, guests, residents } = view.load(id);
    return {
      memoryMiB,
      vcpus,
      growsBytes: growsBytes.get('file') ?? 0,
      guests: [...guests.keys()].sort(),
      residents: [...residents.values()].map(({ name }) => name).sort(),
    };
  });

test('whatever is written, moved, removed and compacted, its sums are those of everything in the store', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const store = new SqliteStore(':memory:');
      try {
        const mirror = new Mirror(store);
        for (const what of steps) {
          await perform(store, what);
          if (what.do === 'read') expect(await mirror.read(kept)).toEqual(await added(store));
        }
        expect(await mirror.read(kept)).toEqual(await added(store));
        expect(await new Mirror(store).read(kept)).toEqual(await added(store));
      } finally {
        await store.close();
      }
    }),
    { numRuns: 150 },
  );
});

test('writers beside the first reading lose nothing', async () => {
  const store = new SqliteStore(':memory:');
  for (let number = 1; number <= 30; number++)
    await perform(store, { do: 'put', slot: number, node: (number % 3) + 1, size: number });
  const mirror = new Mirror(store);
  const reading = mirror.read(kept);
  const writing = (async () => {
    for (let number = 1; number <= 60; number++)
      await perform(store, { do: number % 4 ? 'put' : 'drop', slot: number, node: 2, size: 7 });
  })();
  await Promise.all([reading, writing]);
  expect(await mirror.read(kept)).toEqual(await added(store));
  await store.close();
});
