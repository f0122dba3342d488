/** A live cluster in plain numbers. */
import type { NodeCapacity } from '@gantry/model';
import type { Peer } from '../affinity.ts';
import type { PlacementPolicy } from '../policy.ts';

/** A guest that is bound to a node. One that is on its way is there twice. */
export interface LiveGuest {
  peer: Peer;
  /** Id of the node. */
  node: string;
  vcpus: number;
  /** With QEMU's own. */
  memoryMiB: number;
  /** By storage: what its disks may grow to. */
  diskMiB: Readonly<Record<string, number>>;
  /** It is to be stopped: its memory is kept for it. */
  down: boolean;
  /** Of labels that keep it apart from others with the same. */
  exclusions: readonly string[];
  /** What is copied when it moves. */
  bytes: number;
  /** Why it stays where it is; undefined: it may move. */
  held?: string;
}

export interface LiveCluster {
  nodes: readonly NodeCapacity[];
  groups: readonly { id: string; name: string }[];
  guests: readonly LiveGuest[];
  policy: PlacementPolicy;
  /** Everything that stands against a node for this guest beside numbers and other guests. */
  fits(guest: LiveGuest, node: NodeCapacity): boolean;
}
