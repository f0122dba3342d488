/** Domains that somebody else made: as a node finds them, and what is kept of one that was imported. */
import { count, line, oneOf, optional, positive, type Static, strict, Timestamp, Type } from '../schema.ts';
import { MiB } from '../units.ts';
import { PciAddress } from './node-hardware.ts';

/** Of a domain in libvirt: which names are its own. */
export const DomainRef = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[^\\u0000-\\u001f\\u007f/]+$',
  description: 'name or UUID of the domain',
});

/** Something of a domain that no setting of Gantry's says. It stays as it is. */
export const KeptPart = strict({
  path: line(255, 'element in the domain XML'),
  value: line(255),
  why: line(255, 'why no setting says it, and what that means'),
});
export type KeptPart = Static<typeof KeptPart>;

/** A disk that is not Gantry's: never made, moved, copied, grown or deleted. */
export const KeptDisk = strict({
  target: line(32, 'as the guest’s bus names it: vda, sdb'),
  device: line(16, 'disk, cdrom, floppy, lun'),
  source: optional(line(4096, 'path on the node, `rbd:POOL/IMAGE`, ...; none: an empty drive')),
  shared: Type.Boolean({ description: 'read-only, or meant to be written by several guests' }),
});
export type KeptDisk = Static<typeof KeptDisk>;

export const KeptNic = strict({
  mac: Type.String({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$' }),
  source: line(255, 'bridge br0, network default, direct eth0, ...'),
  bridge: optional(line(15)),
});
export type KeptNic = Static<typeof KeptNic>;

const hardware = {
  vcpus: positive('virtual CPUs at most', 512),
  memoryMiB: MiB('memory at most', 1),
  disks: Type.Array(KeptDisk, { maxItems: 256 }),
  nics: Type.Array(KeptNic, { maxItems: 64 }),
  pciDevices: Type.Array(PciAddress, { maxItems: 64, description: 'of the node, given to it' }),
  kept: Type.Array(KeptPart, { maxItems: 200 }),
};

/** SHA-256 of a definition without Gantry's mark, hex. */
export const DefinitionDigest = Type.String({ pattern: '^[0-9a-f]{64}$' });

/** What starts anew with the next QEMU already, because the definition says another thing than what runs. */
export const WaitingChange = strict({ path: line(255), now: optional(line(255)), next: optional(line(255)) });
export type WaitingChange = Static<typeof WaitingChange>;

/** A domain without the mark of a cluster, as its node finds it. Changes nothing. */
export const ForeignDomain = strict({
  uuid: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
  name: line(255),
  state: oneOf(['running', 'paused', 'stopped', 'suspended'] as const),
  definition: DefinitionDigest,
  autostart: Type.Boolean({ description: 'libvirt starts it when the node boots' }),
  snapshots: count('of libvirt’s'),
  ...hardware,
  addresses: Type.Array(strict({ mac: KeptNic.properties.mac, address: line(64) }), {
    maxItems: 256,
    description: 'seen in use by its NICs: a hint, not a proof',
  }),
  waiting: Type.Array(WaitingChange, { maxItems: 200 }),
  obstacles: Type.Array(line(1024), { maxItems: 64, description: 'why it cannot be imported' }),
});
export type ForeignDomain = Static<typeof ForeignDomain>;

/** Of an imported instance: its hardware is what its definition in libvirt says, at every start. */
export const Adopted = strict({
  at: Timestamp,
  by: line(255, 'name of the token'),
  domain: line(255, 'name of the domain when it was imported'),
  disks: hardware.disks,
  nics: hardware.nics,
  kept: hardware.kept,
});
export type Adopted = Static<typeof Adopted>;
