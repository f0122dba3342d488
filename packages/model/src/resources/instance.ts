import { DiskId, FlavorId, ImageId, Name, NetworkId, NodeId, OperationId } from '../ids.ts';
import {
  line,
  oneOf,
  optional,
  positive,
  type Static,
  strict,
  stringMap,
  Timestamp,
  Type,
} from '../schema.ts';
import { MiB } from '../units.ts';
import { Adopted } from './adoption.ts';
import { AffinityRule } from './affinity.ts';
import { BootOrder, CdDrive, MOST_CDS } from './cd.ts';
import { Condition, Epoch, resource } from './common.ts';
import { Origin } from './copying.ts';
import { Boot, OsSource } from './image.ts';
import { AllowedSource, Ipv4Address, Ipv6Address, MacAddress } from './network.ts';
import { NicModel } from './nic-model.ts';
import { GuestPolicy } from './policy.ts';
import { RescueDrive } from './rescue-drive.ts';
import { Resize } from './resize.ts';
import { room } from './room.ts';

export const instanceStates = [
  'creating',
  'stopped',
  'starting',
  'running',
  'stopping',
  'paused',
  'suspended',
  'crashed',
  'deleting',
  'failed',
  'unknown',
] as const;
export type InstanceState = (typeof instanceStates)[number];

/** Against guests that pretend to be another one. An administrator's to loosen. */
export const NicTrust = {
  filter: optional(oneOf(['on', 'off'] as const, 'anti-spoofing; default on')),
  allow: optional(
    Type.Array(AllowedSource, {
      maxItems: 64,
      description:
        'sources that it may use beside its own: a virtual address, a routed subnet, a nested guest’s MAC',
    }),
  ),
};

/** A NIC as it was granted: MAC and address are claims, unique in their network. */
export const Nic = strict({
  network: NetworkId,
  mac: MacAddress,
  ipv4: optional(Ipv4Address),
  prefix: optional(Type.Integer({ minimum: 0, maximum: 32 })),
  ipv6: optional(Ipv6Address),
  prefix6: optional(Type.Integer({ minimum: 0, maximum: 128 })),
  slot: optional(
    Type.Integer({
      minimum: 0,
      maximum: 98,
      description: 'its place, kept while others come and go; without: by its position',
    }),
  ),
  link: optional(oneOf(['up', 'down'] as const, 'its cable; default up')),
  model: optional(NicModel),
  ...NicTrust,
});
export type Nic = Static<typeof Nic>;

export const SshKey = Type.String({
  maxLength: 16384,
  pattern:
    '^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( [^\\u0000-\\u001f\\u007f]*)?$',
  description: 'public key, one line',
});

/** What a guest is told about itself at its first boot (NoCloud, or the provider’s own way). */
export const Personality = strict({
  hostname: optional(Name),
  sshKeys: optional(Type.Array(SshKey, { maxItems: 64 })),
  userData: optional(
    Type.String({ maxLength: 65536, description: 'cloud-init user-data; images with cloud-init only' }),
  ),
});
export type Personality = Static<typeof Personality>;

/** It boots from a disk of its own for that; its disks are behind it. */
export const Rescue = strict({
  disk: DiskId,
  boot: Boot,
  image: optional(ImageId),
  os: optional(OsSource),
  cloudInit: Type.Boolean({ description: 'the image reads a NoCloud seed' }),
  drive: optional(RescueDrive),
  power: oneOf(['running', 'stopped'] as const, 'what it was before, and is to be afterwards'),
});
export type Rescue = Static<typeof Rescue>;

export const InstanceSpec = strict({
  flavor: optional(FlavorId),
  vcpus: positive('virtual CPUs', 512),
  memoryMiB: MiB('memory', 1),
  ...room,
  extraSpecs: optional(stringMap('extra specs of the flavor when the instance was made')),
  image: optional(ImageId),
  imageProperties: optional(stringMap('properties of the image when the instance was made')),
  os: optional(OsSource),
  boot: Boot,
  disks: Type.Array(DiskId, { maxItems: 24 }),
  nics: Type.Array(Nic, { maxItems: 16 }),
  cds: optional(Type.Array(CdDrive, { maxItems: MOST_CDS, description: 'CD drives' })),
  bootOrder: optional(BootOrder),
  power: oneOf(['running', 'stopped'] as const, 'what it should be'),
  guest: optional(GuestPolicy),
  personality: Personality,
  affinity: optional(
    Type.Array(AffinityRule, { maxItems: 32, description: 'who shall share its node, and who not' }),
  ),
  rescue: optional(Rescue),
  /** Its UEFI variables are of the system on that disk: those of an earlier one are given up. */
  variablesOf: optional(DiskId),
  origin: optional(Origin),
  protected: optional(Type.Boolean({ description: 'refuse deletion' })),
  resize: optional(Resize),
  adopted: optional(Adopted),
  locked: optional(
    strict(
      { reason: line(255), by: line(255, 'name of the token'), at: Timestamp },
      { description: 'refuse every change' },
    ),
  ),
});
export type InstanceSpec = Static<typeof InstanceSpec>;

/** When what happened, first time since the last start. All times are the agent’s or controller’s wall clock. */
export const Timeline = strict({
  submittedAt: optional(Timestamp),
  placedAt: optional(Timestamp),
  diskReadyAt: optional(Timestamp),
  qemuRunningAt: optional(Timestamp),
  firstPingAt: optional(Timestamp),
  sshReadyAt: optional(Timestamp),
});
export type Timeline = Static<typeof Timeline>;

export const InstanceStatus = strict({
  state: oneOf(instanceStates),
  reason: optional(line(1024)),
  node: optional(NodeId),
  epoch: optional(Epoch),
  operation: optional(OperationId),
  timeline: Timeline,
  conditions: Type.Array(Condition),
});
export type InstanceStatus = Static<typeof InstanceStatus>;

/** A guest as the user knows it. */
export const Instance = resource('instance', Name, InstanceSpec, InstanceStatus);
export type Instance = Static<typeof Instance>;
