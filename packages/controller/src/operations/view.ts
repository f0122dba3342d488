/** All that an operation on an instance looks at, read before each of its moves. */
import type { Act, Attachment, Disk, Guest, Instance, Operation, Problem, Replica } from '@gantry/model';
import type { Resource } from '../kinds.ts';
import type { Store } from '../store/store.ts';
import { bindingAmong } from './binding.ts';

export interface View {
  operation: Operation;
  instance: Instance | undefined;
  /** The binding. */
  guest: Guest | undefined;
  /** On other nodes: on its way there, or left behind. */
  others: Guest[];
  disks: Disk[];
  /** Of the disks, of the base images that they stand on, and of what lies in CD drives, on the guest's node. */
  replicas: Replica[];
  /** Of the disks, on other nodes. */
  elsewhere: Replica[];
  attachments: Attachment[];
  acts: Act[];
  /** What it is a copy of, while that is being copied. */
  source?: Source;
  nodeLost: boolean;
}

export interface Source {
  instance: Instance;
  guest: Guest | undefined;
  /** Of its disks, at its node. */
  replicas: Replica[];
}

export async function readView(store: Store, operation: Operation): Promise<View> {
  return operation.spec.target.kind === 'disk'
    ? readDiskView(store, operation)
    : readInstanceView(store, operation);
}

/** Of an operation on one disk, whoever has it. */
async function readDiskView(store: Store, operation: Operation): Promise<View> {
  const disk = await store.get('disk', operation.spec.target.id);
  const { items: replicas } = await store.list('replica', { owner: operation.spec.target.id });
  const disks = disk ? [disk] : [];
  const nothing = {
    ...{ instance: undefined, guest: undefined, nodeLost: false },
    ...{ others: [], elsewhere: [], attachments: [], acts: [] },
  };
  return { operation, disks, replicas, ...nothing };
}

async function readInstanceView(store: Store, operation: Operation): Promise<View> {
  const instance = await store.get('instance', operation.spec.target.id);
  const { items: guests } = await store.list('guest', { owner: operation.spec.target.id });
  const guest = bindingAmong(guests, instance);
  const { items: disks } = await store.list('disk', { owner: operation.spec.target.id });
  const { items: acts } = await store.list('act', { owner: operation.id });
  const images = disks.flatMap(({ spec }) => (spec.source.kind === 'image' ? [spec.source.image] : []));
  const replicas: Replica[] = [];
  const media = instance?.spec.cds?.flatMap(({ image }) => image ?? []) ?? [];
  for (const owner of new Set<string>([...disks.map((disk) => disk.id), ...images, ...media]))
    replicas.push(...(await store.list('replica', { owner })).items);
  const attachments: Attachment[] = [];
  for (const nic of instance?.spec.nics ?? [])
    attachments.push(...(await store.list('attachment', { owner: nic.network })).items);
  const node = guest && (await store.get('node', guest.spec.node));
  const here = ({ spec }: Replica | Attachment) => spec.node === guest?.spec.node;
  const source = await readSource(store, operation);
  return {
    operation,
    ...(source ? { source } : {}),
    instance,
    guest,
    others: guests.filter(({ id }) => id !== guest?.id),
    disks,
    acts,
    replicas: replicas.filter(here),
    elsewhere: replicas.filter((replica) => replica.spec.what === 'disk' && !here(replica)),
    attachments: attachments.filter(here),
    nodeLost: node?.status.state === 'lost',
  };
}

/** While the operation holds it. */
async function readSource(store: Store, { id, spec }: Operation): Promise<Source | undefined> {
  if (spec.kind !== 'instance.clone') return undefined;
  const instance = await store.get('instance', String(spec.input['source']));
  if (instance?.status.operation !== id) return undefined;
  const guest = bindingAmong((await store.list('guest', { owner: instance.id })).items, instance);
  const replicas: Replica[] = [];
  for (const disk of instance.spec.disks) {
    const { items } = await store.list('replica', { owner: disk });
    replicas.push(...items.filter((replica) => replica.spec.node === guest?.spec.node));
  }
  return { instance, guest, replicas };
}

/** Everything in it: what the operation waits for, and what its decisions rely on. */
export const objectsOf = (view: View): Resource[] =>
  [
    view.operation,
    view.instance,
    view.guest,
    ...view.others,
    ...view.disks,
    ...view.replicas,
    ...view.elsewhere,
    ...view.attachments,
    ...view.acts,
    view.source?.instance,
    view.source?.guest,
    ...(view.source?.replicas ?? []),
  ].filter((object) => object !== undefined);

export const diskReplicas = (view: View): Replica[] =>
  view.replicas.filter((replica) => replica.spec.what === 'disk');

/**
 * What failed on the node, of what bears no wish of its own (a disk that was gone when it was last looked at, say). The
 * node looks again for every wish, and reports all of one look together: until it has told of `wish`, what it told of the
 * rest may be mended.
 */
export function failedPart(
  parts: readonly (Replica | Attachment | undefined)[],
  wish: Guest | Replica | undefined,
): Problem | undefined {
  if (!wish || !isCurrent(wish)) return undefined;
  return parts.find((one) => one?.status.state === 'failed' && one.status.error && isCurrent(one))?.status
    .error;
}

/** Of a guest that no QEMU runs. */
export const downStates: readonly string[] = ['absent', 'defined', 'stopped', 'crashed'];

/** No QEMU of it runs, and the next one is started by the present orders: the node has answered them. */
export const isDown = (guest: Guest): boolean => isCurrent(guest) && downStates.includes(guest.status.state);

/** Its node told by what it ended, and that it stays down by its policy: a reason beside a crash says that it does not. */
export const endedForGood = (guest: Guest): boolean => {
  const { state, endedBy, reason } = guest.status;
  if (!isCurrent(guest) || endedBy === undefined) return false;
  return state === 'stopped' || (state === 'crashed' && reason === undefined);
};

/** The status speaks of the present spec. */
export const isCurrent = (object: { generation: number; observedGeneration?: number }): boolean =>
  (object.observedGeneration ?? 0) >= object.generation;
