/** How the bytes of a clone's disks come to be, and what its source is told meanwhile. */
import { createHash } from 'node:crypto';
import {
  type Disk,
  type DiskReplicaSpec,
  err,
  type Guest,
  type Instance,
  type InstanceId,
  type Node,
  type NodeId,
  type OperationId,
  type Replica,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { type Draft, withSpec, withStatus } from '../store/batch.ts';
import { unasked } from './binding.ts';
import { copiedDisks, type Manner } from './clone-parts.ts';
import { wholeReplica } from './whole-replica.ts';

export interface Copied {
  disk: Disk;
  from: Disk;
  /** Of `from`, on the source's node. */
  here: Replica & { spec: DiskReplicaSpec };
}

/** @throws GantryError `wrong_state` */
export async function nodeThatCopies(
  { app }: Asking,
  { name }: Instance,
  { spec }: Guest,
  { live }: Manner,
): Promise<Node> {
  const node = await app.store.get('node', spec.node);
  if (!node) throw err('not_found', { kind: 'node', name: spec.node });
  const can = node.status.facts?.capabilities.includes(live ? 'guest:copy' : 'disk:copy');
  if (node.status.state === 'ready' && can) return node;
  throw err('wrong_state', {
    kind: 'node',
    name: node.name,
    state: node.status.state === 'ready' ? 'of an older release' : node.status.state,
    action: `copy the disks of ${name}`,
    permitted: 'Its agent must run and know of copies.',
  });
}

/** @throws GantryError `wrong_state` where a disk of the source is not whole */
export async function copiedOf(
  asking: Asking,
  source: Instance,
  { spec }: Guest,
  target: Pick<Instance, 'id' | 'name' | 'project'>,
  { live }: Manner,
): Promise<Copied[]> {
  const { store } = asking.app;
  const { items } = await store.list('disk', { owner: source.id });
  const own = items
    .filter(({ spec: { role } }) => role === undefined)
    .toSorted((a, b) => a.spec.index - b.spec.index);
  return Promise.all(
    copiedDisks(asking, target, own, live).map(async ({ disk, from }) => ({
      disk,
      from,
      here: await wholeReplica(store, from, spec.node, 'copy it'),
    })),
  );
}

interface Order {
  copied: readonly Copied[];
  source: Instance;
  instance: Instance;
  from: Node;
  to: Node;
  manner: Manner;
  operation: OperationId;
}

/** By disk: how its bytes come to be. Between nodes as of a move, with one ticket for each disk. */
export function ordersFor(
  { app }: Asking,
  draft: Draft,
  { copied, source, instance, from, to, manner, operation }: Order,
): Map<string, Partial<DiskReplicaSpec>> {
  const orders = new Map<string, Partial<DiskReplicaSpec>>();
  const of = source.id as InstanceId;
  const own = instance.id as InstanceId;
  for (const [index, each] of copied.entries()) {
    const renamed =
      index === 0 && each.disk.spec.source.kind === 'os' && !manner.live
        ? { renamed: source.spec.personality.hostname ?? source.name }
        : {};
    if (from.id === to.id) {
      const copy = { from: each.from.id as Disk['id'], of, to: own } as NonNullable<DiskReplicaSpec['copy']>;
      const more = { ...(manner.live ? { live: true } : {}), ...(index === 0 ? { files: true } : {}) };
      orders.set(each.disk.id, { copy: { ...copy, ...more }, ...renamed });
      draft.relyOn(each.here);
      continue;
    }
    const at = to.status.facts?.transfer;
    if (!at) throw err('internal', { why: `node ${to.name} was chosen, and takes no disks` });
    const ticket = Buffer.from(app.env.randomBytes(32)).toString('base64url');
    const send = {
      ...{ to: to.id as NodeId, name: to.name, at, ticket, operation },
      as: each.disk.id as NonNullable<NonNullable<DiskReplicaSpec['send']>['as']>,
      ...(index === 0 ? { guest: of } : {}),
    };
    draft.put(withSpec(each.here, { send }) as Replica);
    const ticketSha256 = createHash('sha256').update(ticket).digest('hex');
    const receive = { from: from.id as NodeId, ticketSha256, ...(index === 0 ? { guest: own } : {}) };
    orders.set(each.disk.id, { receive });
  }
  return orders;
}

interface Hold {
  manner: Manner;
  copied: readonly Copied[];
  operation: OperationId;
  stopTimeoutMs: number;
  /** The clone. */
  instance: string;
}

/** Nothing else is done with the source until its disks are copied. */
export function hold(
  draft: Draft,
  source: Instance,
  guest: Guest,
  { manner, copied, operation, stopTimeoutMs, instance }: Hold,
): void {
  const busy = withStatus(source, { operation, ...(manner.restart ? { state: 'stopping' as const } : {}) });
  draft.put(manner.live || manner.restart ? busy : withSpec(busy, { power: 'stopped' }));
  if (manner.live) {
    const disks = copied.map(({ disk, from }) => ({
      from: from.id,
      to: disk.id,
      template: disk.spec.template,
      sizeBytes: disk.spec.sizeBytes,
    }));
    const copies = {
      operation,
      instance,
      freeze: manner.consistency === 'quiesced',
      disks,
    } as NonNullable<Guest['spec']['copies']>;
    draft.put(unasked(guest, { ...guest.spec, copies }));
  } else {
    // also where it is down already: it must not come up meanwhile
    const life = { ...guest.spec.life, stopTimeoutMs };
    draft.put(withSpec(guest, { power: 'stopped', force: false, life, operation }));
  }
}
