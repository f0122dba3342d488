/** Replica: a disk, or the cached base image that disks stand on, on one node. */
import { ClusterId, DiskId, ImageId, NodeId, OperationId } from '../ids.ts';
import { Problem } from '../problem.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Bytes } from '../units.ts';
import { resource } from './common.ts';
import { DiskCopy } from './copying.ts';
import { DiskSource, diskTemplates } from './disk.ts';
import { imageFormats } from './image.ts';
import { Personality } from './instance.ts';
import { DiskReceive, DiskSend } from './transfer.ts';

const present = oneOf(
  ['present', 'absent'] as const,
  '`absent` is the tombstone: the only thing that justifies removing bytes',
);

/** What an OS provider is told about the instance whose first disk it fills (Ganeti's OS interface). */
export const OsContext = strict({
  instance: Type.String(),
  vcpus: Type.Integer(),
  memoryMiB: Type.Integer(),
  nics: Type.Array(
    strict({
      mac: Type.String(),
      ip: optional(Type.String()),
      bridge: Type.String(),
      network: optional(Type.String()),
      subnet: optional(Type.String()),
      gateway: optional(Type.String()),
      networkId: optional(Type.String()),
      ipv6: optional(Type.String()),
      subnet6: optional(Type.String()),
      gateway6: optional(Type.String()),
    }),
  ),
  personality: Personality,
  reinstall: optional(Type.Boolean({ description: 'the instance was there before' })),
  clusterParameters: Type.Record(Type.String(), Type.String(), {
    description: 'parameters of the provider at cluster level',
  }),
});
export type OsContext = Static<typeof OsContext>;

export const DiskReplicaSpec = strict({
  what: Type.Literal('disk'),
  node: NodeId,
  cluster: ClusterId,
  disk: DiskId,
  desired: present,
  template: oneOf(diskTemplates),
  sizeBytes: Bytes('size', 1),
  source: DiskSource,
  os: optional(OsContext),
  receive: optional(DiskReceive),
  send: optional(DiskSend),
  copy: optional(DiskCopy),
  renamed: optional(
    Type.String({
      description: 'the name by which the system on it knows itself, until its OS provider renames it',
    }),
  ),
  operation: OperationId,
  made: optional(
    Type.Boolean({ description: 'it was made long ago: it is found, or gone, and never made anew' }),
  ),
});
export const BaseReplicaSpec = strict({
  what: Type.Literal('base'),
  node: NodeId,
  cluster: ClusterId,
  image: ImageId,
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  format: oneOf(imageFormats, '`iso`: what lies in a CD drive; no disk stands on it'),
  desired: present,
  operation: optional(OperationId),
});
export const ReplicaSpec = Type.Union([DiskReplicaSpec, BaseReplicaSpec]);
export type DiskReplicaSpec = Static<typeof DiskReplicaSpec>;
export type BaseReplicaSpec = Static<typeof BaseReplicaSpec>;
export type ReplicaSpec = Static<typeof ReplicaSpec>;

export const ReplicaStatus = strict({
  state: oneOf(['pending', 'creating', 'ready', 'absent', 'failed'] as const),
  path: optional(Type.String()),
  allocatedBytes: optional(Bytes('really used')),
  sizeBytes: optional(Bytes('that a guest sees of a disk')),
  readyAt: optional(Timestamp),
  error: optional(Problem),
});
export type ReplicaStatus = Static<typeof ReplicaStatus>;

export const Replica = resource('replica', Type.String(), ReplicaSpec, ReplicaStatus);
export type Replica = Static<typeof Replica>;
