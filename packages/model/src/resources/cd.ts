/** CD drives of an instance, and what its firmware boots. */
import { ImageId, OperationId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';

export const cdBuses = ['sata', 'scsi', 'ide', 'usb'] as const;
export type CdBus = (typeof cdBuses)[number];

export const MOST_CDS = 4;

const slot = Type.Integer({
  minimum: 0,
  maximum: MOST_CDS - 1,
  description: 'its place, kept while others come and go',
});
const bus = optional(
  oneOf(cdBuses, 'default: hw_cdrom_bus of the image, else what machines of its kind have: sata, ide, scsi'),
);

/** A drive that may be empty. */
export const CdDrive = strict({ slot, bus, image: optional(ImageId) });
export type CdDrive = Static<typeof CdDrive>;

/** The same for its node. */
export const GuestCd = strict({
  slot,
  bus,
  media: optional(
    strict({
      image: ImageId,
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'its content' }),
    }),
  ),
});
export type GuestCd = Static<typeof GuestCd>;

/** What the running guest has. A guest may open the tray by itself; what lies in it stays there. */
export const SeenCd = strict({
  slot,
  tray: oneOf(['open', 'closed'] as const),
  image: optional(ImageId),
  foreign: optional(Type.Boolean({ description: 'something lies in it that Gantry did not insert' })),
});
export type SeenCd = Static<typeof SeenCd>;

/** All of a kind in the order of their places, or one: `disk`, `cd`, `network`, `disk1`, `cd0`, `nic0`. */
export const BootDevice = Type.String({
  pattern: '^(network|(disk|cd)([0-9]{1,2})?|nic[0-9]{1,2})$',
  description: 'disk, cd, network, or one of them by its place: disk0, cd0, nic0',
});
export const BootOrder = Type.Array(BootDevice, {
  minItems: 1,
  maxItems: 16,
  uniqueItems: true,
  description:
    'what the firmware tries, one after the other; default: the first disk, with CD drives disk, cd',
});
export type BootOrder = Static<typeof BootOrder>;

/** For one start. A reboot inside the guest ends that, and it boots as always. */
export const BootOnce = strict({ operation: OperationId, order: BootOrder });
export type BootOnce = Static<typeof BootOnce>;
