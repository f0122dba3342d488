/**
 * A cluster as Ganeti's htools describe it. Struct of arrays: node `n`'s total memory is `nodes.totalMem[n]`. Memory and
 * disk are MiB everywhere. Numbers are doubles, as sums of disks outgrow 32 bits.
 */

import type { HouseRules } from '../engine/house-rules.ts';

export const allocPolicies = ['preferred', 'last_resort', 'unallocable'] as const;
export type AllocPolicy = (typeof allocPolicies)[number];

/** A size of an instance: what a policy bounds. */
export interface Spec {
  memory: number;
  vcpus: number;
  disk: number;
  disks: number;
  nics: number;
  spindles: number;
}

export interface Policy {
  standard: Spec;
  /** An instance must fit one of the ranges. */
  ranges: { min: Spec; max: Spec }[];
  templates: readonly string[];
  vcpuRatio: number;
  spindleRatio: number;
}

export interface Group {
  name: string;
  uuid: string;
  policy: AllocPolicy;
  tags: readonly string[];
  networks: readonly string[];
  instancePolicy: Policy;
}

export interface NodeTable {
  count: number;
  names: string[];
  totalMem: Float64Array;
  /** Used by the node itself. */
  nodeMem: Float64Array;
  /** As the hypervisor reports it. */
  freeMem: Float64Array;
  totalDisk: Float64Array;
  freeDisk: Float64Array;
  cpus: Float64Array;
  /** 1: counted as down, or drained; nothing is placed there. */
  offline: Uint8Array;
  /** Index into the groups. */
  group: Int32Array;
  /** Index of the master, or -1. */
  master: number;
  spindles: Float64Array;
  tags: (readonly string[])[];
  exclusiveStorage: Uint8Array;
  freeSpindles: Float64Array;
  /** vCPUs that the node itself counts for. */
  nodeCpus: Float64Array;
  cpuSpeed: Float64Array;
}

export const instanceStatuses = [
  'running',
  'ADMIN_down',
  'ADMIN_offline',
  'ERROR_down',
  'ERROR_up',
  'ERROR_nodedown',
  'ERROR_nodeoffline',
  'ERROR_wrongnode',
  'USER_down',
] as const;
export type InstanceStatus = (typeof instanceStatuses)[number];

/** One instance apart from where it is. */
export interface InstanceSpec {
  name: string;
  memory: number;
  /** Of all its disks, on each of its nodes. */
  disk: number;
  /** Sizes one by one, of instances that are to be placed: only their policy asks for them. */
  disks: readonly number[];
  vcpus: number;
  status: InstanceStatus;
  autoBalance: boolean;
  template: string;
  tags: readonly string[];
  spindleUse: number;
  /** Spindles of its disks with exclusive storage; undefined: not known. */
  diskSpindles: number | undefined;
  forthcoming: boolean;
}

export interface ClusterData {
  groups: Group[];
  nodes: NodeTable;
  instances: InstanceSpec[];
  /** Index of the node. */
  primary: Int32Array;
  /** Index of the node, or -1. */
  secondary: Int32Array;
  tags: string[];
  policy: Policy;
  /** What the text format cannot say; of live clusters. */
  house?: HouseRules;
}

/** Disk templates by how their disks reach another node. */
const mirrors: Record<string, 'internal' | 'external' | 'none'> = {
  diskless: 'external',
  file: 'none',
  sharedfile: 'external',
  plain: 'none',
  blockdev: 'external',
  drbd: 'internal',
  rbd: 'external',
  ext: 'external',
  gluster: 'external',
};
export const diskTemplates: readonly string[] = Object.keys(mirrors);

/** internal: DRBD pairs; external: shared storage, runs anywhere; none: bound to its node. */
export const mirrorOf = (template: string): 'internal' | 'external' | 'none' => mirrors[template] ?? 'none';
/** Does it take of the disk space that Ganeti's nodes report? */
export const usesLocalDisk = (template: string): boolean => template === 'plain' || template === 'drbd';
export const needsSecondary = (template: string): boolean => template === 'drbd';

/** Does it take memory of its primary now? Source: Ganeti's `Instance.usesMemory`. */
export const usesMemory = ({ status, forthcoming }: InstanceSpec): boolean =>
  !forthcoming &&
  status !== 'ADMIN_down' &&
  status !== 'ADMIN_offline' &&
  status !== 'ERROR_down' &&
  status !== 'USER_down';
/** Does its secondary keep memory for it? */
export const reservesMemory = ({ status, autoBalance, forthcoming }: InstanceSpec): boolean =>
  autoBalance && !forthcoming && status !== 'ADMIN_offline';
export const countsVcpus = ({ status }: InstanceSpec): boolean => status !== 'ADMIN_offline';

const spec = (
  memory: number,
  vcpus: number,
  disk: number,
  disks: number,
  nics: number,
  spindles: number,
): Spec => ({ memory, vcpus, disk, disks, nics, spindles });

/** Of Ganeti 3.0. */
export const defaultInstancePolicy: Policy = {
  standard: spec(128, 1, 1024, 1, 1, 1),
  ranges: [{ min: spec(128, 1, 1024, 1, 1, 1), max: spec(32_768, 8, 1_048_576, 16, 8, 12) }],
  templates: [...diskTemplates],
  vcpuRatio: 4,
  spindleRatio: 32,
};
