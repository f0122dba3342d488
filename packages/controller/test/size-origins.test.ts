/** What a node says of the origin of a size, and what who asks is told. */
import type { Guest, Provenance } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Draft, withStatus } from '../src/store/batch.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  const spec = { vcpus: 1, memoryMiB: 256, diskMiB: 64 };
  await cluster.call('createFlavor', { body: { name: 'little', spec } });
});
afterEach(() => cluster.close());

const guestOf = (ref: string) => cluster.call<Guest>('getInstanceGuest', { params: { ref } });
const row = (source: string): Provenance => ({
  ...{ path: `/domain/${source}`, value: '1', level: 'flavor', source },
  rule: 'size of the instance, from its flavor or its command',
});

/** As its agent says it: a node is not told where sizes come from. */
async function explained(name: string, more: object) {
  await cluster.call('createInstance', { body: { name, flavor: 'little', image: 'debian/12', ...more } });
  await cluster.converge();
  const { spec } = await guestOf(name);
  const guest = (await cluster.store.list('guest', { owner: spec.instance })).items[0];
  if (!guest) throw new Error('it has no guest');
  const told = withStatus(guest, { explanation: [row('vcpus'), row('memoryMiB')] });
  await cluster.store.commit(new Draft(cluster.env.clock.now()).put(told).batch);
  const { status } = await guestOf(name);
  return status.explanation?.map(({ level, source }) => `${level} ${source}`);
}

test('sizes that were given with the command are the instance’s, the others its flavor’s', async () => {
  expect(await explained('plain', {})).toEqual(['flavor vcpus', 'flavor memoryMiB']);
  expect(await explained('own', { memoryMiB: 512 })).toEqual(['flavor vcpus', 'instance memoryMiB']);
});

test('a size that waits for the next start explains nothing of the guest that runs', async () => {
  await explained('web', {});
  await cluster.call('setInstance', { params: { ref: 'web' }, body: { vcpus: 2 } });
  const { status } = await guestOf('web');
  expect(status.explanation?.map(({ level }) => level)).toEqual(['flavor', 'flavor']);
});
