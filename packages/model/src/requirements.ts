/** What a guest needs from a node; placement's input. Plain numbers. */
import type { NodeId } from './ids.ts';
import type { HostPolicy, SizedThing } from './resources/host-policy.ts';

export interface Requirements {
  vcpus: number;
  /** Guest memory plus QEMU's own. */
  memoryMiB: number;
  /** What the disks may grow to, by storage class. */
  diskMiB: Record<string, number>;
  architecture?: string;
  machineType?: string;
  /** What policies bound: as the user gave it. Memory and the largest and smallest disk in MiB. */
  sizes?: Partial<Record<SizedThing, { least: number; most: number }>>;
  /** Networks that must be there, by id. */
  networks: string[];
}

export interface NodeCapacity {
  id: NodeId;
  name: string;
  group: string;
  state: 'ready' | 'degraded' | 'joining' | 'lost';
  role: 'active' | 'drained' | 'offline';
  architecture: string;
  machineTypes: string[];
  cpus: number;
  memoryMiB: number;
  /** Taken by our guests (their requirements) and by foreign ones (their maximum). */
  memoryUsedMiB: number;
  /** Of that, what guests have that are stopped: kept for them, and not in use. */
  memoryDownMiB?: number;
  vcpusUsed: number;
  /** Guests that are bound there. */
  guests?: number;
  /** Guests that share the value of an exclusion label with another one there, beyond the first of each. */
  exclusionRepeats?: number;
  /** Of cluster, group and node together; default: placement’s own. */
  policy?: Pick<HostPolicy, 'vcpuRatio' | 'reservedMemoryMiB' | 'sizes'>;
  storage: Record<string, { totalMiB: number; freeMiB: number; claimedMiB: number }>;
}

/** One test that a node did not pass, with numbers where it is about numbers. */
export interface Rejection {
  test: string;
  message: string;
  needed?: number;
  available?: number;
  unit?: string;
}

export interface NodeVerdict {
  node: NodeId;
  name: string;
  rejections: Rejection[];
  /** Of the cluster with it there, lower is better; only for nodes that passed. Parts, weighted, of the best few. */
  score?: { total: number; parts: Record<string, number> };
}

/** Stored with the operation, or for a day with the request that was refused: what was looked at and why it came out so. */
export interface PlacementDecision {
  chosen?: { node: NodeId; name: string };
  lookedAt: number;
  /** The score of the cluster without it. */
  scoreBefore?: number;
  verdicts: NodeVerdict[];
  /** Of one that was refused. */
  refused?: {
    at: string;
    /** Of the instance that was not made. */
    name: string;
    message: string;
    /** What was tried in its place. */
    tried: { way: string; works: boolean }[];
  };
}
