/** Bodies of writes about disks. */
import { Name } from './ids.ts';
import { diskTemplates } from './resources/disk.ts';
import { attachBuses, DiskDevice, DiskLimits, diskCaches } from './resources/disk-device.ts';
import { oneOf, optional, type Static, strict, stringMap, Type } from './schema.ts';
import { Bytes, MiB, Milliseconds } from './units.ts';

const wishes = {
  deadlineMs: optional(
    Milliseconds('until when it must be done; default 10 minutes, 1 minute for a detach', 1000),
  ),
  reason: optional(Type.String({ maxLength: 255 })),
};

export const CreateDisk = strict({
  name: Name,
  labels: optional(stringMap('labels')),
  sizeMiB: MiB('size', 1),
  template: optional(oneOf(diskTemplates)),
});
export type CreateDisk = Static<typeof CreateDisk>;

export const AttachDisk = strict({
  disk: Type.String({ minLength: 1, maxLength: 127, description: 'name or id of a disk that nobody has' }),
  ...DiskDevice.properties,
  ...wishes,
});
export type AttachDisk = Static<typeof AttachDisk>;

const unset = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  optional(Type.Union([schema, Type.Null()], { description: 'null: back to what is inherited' }));
const limit = DiskLimits.properties.totalIops;

export const SetDisk = strict({
  bus: unset(oneOf(attachBuses)),
  cache: unset(oneOf(diskCaches)),
  readOnly: unset(Type.Boolean()),
  limits: optional(
    strict({
      totalBytes: unset(limit),
      readBytes: unset(limit),
      writeBytes: unset(limit),
      totalIops: unset(limit),
      readIops: unset(limit),
      writeIops: unset(limit),
    }),
  ),
  ...wishes,
});
export type SetDisk = Static<typeof SetDisk>;

export const GrowDisk = strict({
  sizeBytes: optional(Bytes('size that it shall have', 512)),
  byBytes: optional(Bytes('or by how much', 512)),
  ...wishes,
});
export type GrowDisk = Static<typeof GrowDisk>;

export const DetachQuery = strict({
  plan: optional(Type.Boolean({ description: 'only say what would happen' })),
  deadlineMs: optional(Type.Integer({ minimum: 1000 })),
  reason: optional(Type.String({ maxLength: 255 })),
});
