/** The bytes of a disk on a node, from which they are to be read. */
import { type Disk, type DiskReplicaSpec, err, type Replica } from '@gantry/model';
import type { Store } from '../store/store.ts';

export type WholeReplica = Replica & { spec: DiskReplicaSpec };

/** @throws GantryError `wrong_state` where they are not there, or not whole */
export async function wholeReplica(
  store: Store,
  disk: Disk,
  node: string,
  action: string,
): Promise<WholeReplica> {
  const { items } = await store.list('replica', { owner: disk.id });
  const here = items.find(({ spec }) => spec.what === 'disk' && spec.node === node);
  if (here?.spec.what === 'disk' && here.status.state === 'ready') return { ...here, spec: here.spec };
  throw err('wrong_state', {
    kind: 'disk',
    name: disk.name,
    state: here?.status.state ?? 'absent',
    action,
    permitted: 'It must be ready.',
  });
}
