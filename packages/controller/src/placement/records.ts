/** The little that placement keeps of each object: what it takes of which node. */
import { type Bound, eitherOf, overheadMiB } from '@gantry/guest';
import { type Guest, type Instance, mostMemoryMiB, type Replica, storageOf } from '@gantry/model';
import type { Peer } from '@gantry/placement';
import type { Resource } from '../kinds.ts';

/** An instance that is on a node, as rules between instances see it. */
export type Resident = Peer;

export type Record =
  | {
      kind: 'guest';
      id: string;
      node: string;
      memoryMiB: number;
      vcpus: number;
      /** It is to be stopped. */
      down: boolean;
      bound: Bound;
    }
  | { kind: 'replica'; id: string; node: string; storage: string; growsBytes: number }
  | { kind: 'instance'; id: string; node: string; resident: Resident };

/** Undefined for what takes nothing of any node. */
export function recordOf(object: Resource): Record | undefined {
  if (object.kind === 'guest') return ofGuest(object);
  if (object.kind === 'replica') return ofReplica(object);
  if (object.kind === 'instance') return ofInstance(object);
  return undefined;
}

/** A guest counts as long as it is bound, stopped or not: it may be started again at any time. */
function ofGuest(guest: Guest): Record {
  const { id, spec } = guest;
  const taken = takenBy(guest);
  return {
    kind: 'guest',
    id,
    node: spec.node,
    ...taken,
    down: spec.power === 'stopped',
    bound: boundOf(spec),
  };
}

/** With what is held for the next start, or for the way back. */
function boundOf({ input: { extraSpecs }, fit, reserved }: Guest['spec']): Bound {
  return (reserved?.hardware ?? []).reduce<Bound>(eitherOf, { extraSpecs, fit });
}

/**
 * With QEMU’s own: what it is granted, what its next start takes where that is more, and what it has not given back.
 * Room to grow takes nothing before it is granted.
 */
export function takenBy({ spec, status }: Guest): { vcpus: number; memoryMiB: number } {
  const { input, reserved } = spec;
  const vcpus = Math.max(input.vcpus, reserved?.vcpus ?? 0, status.size?.vcpus ?? 0);
  const memoryMiB = Math.max(input.memoryMiB, reserved?.memoryMiB ?? 0, status.size?.memoryMiB ?? 0);
  return { vcpus, memoryMiB: memoryMiB + overheadMiB(Math.max(memoryMiB, mostMemoryMiB(input)), vcpus) };
}

/** What a disk may still take of the free space that the node reports. */
function ofReplica({ id, spec, status }: Replica): Record | undefined {
  if (spec.what !== 'disk' || spec.desired === 'absent') return undefined;
  const growsBytes = Math.max(0, spec.sizeBytes - (status.allocatedBytes ?? 0));
  return { kind: 'replica', id, node: spec.node, storage: storageOf[spec.template], growsBytes };
}

function ofInstance(instance: Instance): Record | undefined {
  const { node } = instance.status;
  if (!node) return undefined;
  return { kind: 'instance', id: instance.id, node, resident: peerOf(instance) };
}

export function peerOf(instance: Pick<Instance, 'id' | 'name' | 'project' | 'labels' | 'spec'>): Peer {
  const { id, name, project, labels, spec } = instance;
  return {
    id,
    name,
    ...(project ? { project } : {}),
    ...(labels ? { labels } : {}),
    ...(spec.affinity ? { affinity: spec.affinity } : {}),
  };
}
