/** What of one instance is copied to another on the same node. */
import { DiskId, InstanceId, Name, OperationId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Bytes } from '../units.ts';

/** What the copied disks are like, best first. */
export const consistencies = ['stopped', 'quiesced', 'crash'] as const;
export type Consistency = (typeof consistencies)[number];

/** Where a clone comes from. Nothing follows from it: both live on by themselves. */
export const Origin = strict({
  instance: InstanceId,
  name: Name,
  at: Timestamp,
  consistency: oneOf(
    consistencies,
    'of its disks: of a guest that was down; of one whose file systems were frozen; as after a power cut',
  ),
});
export type Origin = Static<typeof Origin>;

/** In a replica: it is made as a copy of a disk of this node, whose guest must be down, or copies it itself (`live`). */
export const DiskCopy = strict({
  from: DiskId,
  of: InstanceId,
  /** Whose it is. */
  to: InstanceId,
  live: optional(Type.Boolean({ description: 'QEMU of the source writes it while its guest runs on' })),
  files: optional(
    Type.Boolean({
      description: 'the guest’s own files go along: UEFI variables, the machine that it knows',
    }),
  ),
});
export type DiskCopy = Static<typeof DiskCopy>;

/** In the source's guest: what its QEMU copies, all disks at one moment. */
export const GuestCopies = strict({
  operation: OperationId,
  /** Whose they become. */
  instance: InstanceId,
  freeze: Type.Boolean({ description: 'its file systems are frozen at that moment, by its agent' }),
  disks: Type.Array(
    strict({
      from: DiskId,
      to: DiskId,
      template: oneOf(['file-qcow2', 'file-raw'] as const),
      sizeBytes: Bytes('size', 1),
    }),
    { minItems: 1, maxItems: 24 },
  ),
});
export type GuestCopies = Static<typeof GuestCopies>;
