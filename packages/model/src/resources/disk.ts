import { DiskId, ImageId, InstanceId, NodeId, OperationId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { Bytes } from '../units.ts';
import { resource } from './common.ts';
import { DiskDevice } from './disk-device.ts';
import { OsSource } from './image.ts';

export const diskTemplates = ['file-qcow2', 'file-raw'] as const;
export type DiskTemplate = (typeof diskTemplates)[number];

/** The storage of a node that holds disks of this template, by the name under which the node reports it. */
export const storageOf: Readonly<Record<DiskTemplate, string>> = { 'file-qcow2': 'file', 'file-raw': 'file' };

/** What the disk starts with. */
export const DiskSource = Type.Union([
  strict({ kind: Type.Literal('blank') }),
  strict({
    kind: Type.Literal('image'),
    image: ImageId,
    format: oneOf(['qcow2', 'raw'] as const),
    sha256: Type.String(),
    virtualBytes: Bytes('size of the base'),
  }),
  strict({ kind: Type.Literal('os'), os: OsSource }),
  /** All that was on another disk; it stands on no base. */
  strict({ kind: Type.Literal('disk'), disk: DiskId }),
]);
export type DiskSource = Static<typeof DiskSource>;

export const DiskSpec = strict({
  instance: optional(InstanceId),
  index: Type.Integer({ minimum: 0, maximum: 255, description: 'place among the disks of its instance' }),
  template: oneOf(diskTemplates),
  sizeBytes: Bytes('size', 1),
  source: DiskSource,
  role: optional(
    oneOf(
      ['rescue', 'aside'] as const,
      '`rescue`: what its instance boots from in rescue; `aside`: its guest does not have it, it is being made or removed',
    ),
  ),
  ownedByInstance: Type.Boolean({ description: 'made with its instance and deleted with it' }),
  device: optional(DiskDevice),
  createdBy: optional(OperationId),
});
export type DiskSpec = Static<typeof DiskSpec>;

export const diskStates = ['unplaced', 'creating', 'ready', 'deleting', 'failed'] as const;

/** A virtual disk: one made with its instance is called INSTANCE:INDEX. Its replicas say where its bytes are. */
export const Disk = resource(
  'disk',
  Type.String({ description: 'INSTANCE:INDEX or a name' }),
  DiskSpec,
  strict({
    state: oneOf(
      diskStates,
      '`unplaced`: its bytes are made on the node of the first instance that it is attached to',
    ),
    node: optional(NodeId),
  }),
);
export type Disk = Static<typeof Disk>;
export { DiskId };
