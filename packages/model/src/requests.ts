/** Bodies of the API's writes. Names may stand wherever an id may. */
import { ImageName, Name } from './ids.ts';
import { KeyPresses } from './keys.ts';
import { GuestPassword, GuestUser } from './node-calls.ts';
import { AffinityRule } from './resources/affinity.ts';
import { BootOrder, cdBuses, MOST_CDS } from './resources/cd.ts';
import { AuditDays, NodeCommandPolicy } from './resources/cluster.ts';
import { diskTemplates } from './resources/disk.ts';
import { FlavorSpec } from './resources/flavor.ts';
import { HostPolicy } from './resources/host-policy.ts';
import { Boot, ImageSpec, OsSource } from './resources/image.ts';
import { NicTrust, Personality, SshKey } from './resources/instance.ts';
import {
  BridgeName,
  Ipv4Address,
  Ipv6Address,
  MacAddress,
  Mtu,
  NetworkSpec,
  Subnet,
  Subnet6,
  VlanId,
} from './resources/network.ts';
import { NicModel } from './resources/nic-model.ts';
import { GuestPolicy } from './resources/policy.ts';
import { room, roomChanges } from './resources/room.ts';
import { oneOf, optional, positive, type Static, strict, stringMap, type TSchema, Type } from './schema.ts';
import { MiB, Milliseconds } from './units.ts';

/** A name or an id. */
export const Ref = Type.String({
  minLength: 1,
  maxLength: 127,
  pattern: '^[a-z0-9][a-z0-9._/-]*$',
  description: 'name or id',
});

const labels = optional(stringMap('labels'));

export const CreateFlavor = strict({ name: Name, labels, spec: FlavorSpec });
export const CreateImage = strict({ name: ImageName, labels, spec: ImageSpec });
const Groups = Type.Array(Ref, {
  maxItems: 256,
  description: 'groups of nodes that have the network, by name or id; none: all groups',
});
const { groups: _byId, ...networkProperties } = NetworkSpec.properties;
export const CreateNetwork = strict({
  name: Name,
  labels,
  spec: strict({ ...networkProperties, groups: optional(Groups) }),
});
export type CreateNetwork = Static<typeof CreateNetwork>;
export const RequestedNic = strict({
  network: Ref,
  address: optional(
    Type.Union([Type.Literal('pool'), Type.Literal('none'), Ipv4Address], {
      description: '`pool` (default where the network has one), `none`, or an address',
    }),
  ),
  address6: optional(
    Type.Union([Type.Literal('pool'), Type.Literal('none'), Ipv6Address], {
      description: '`pool` (default where the network has an IPv6 subnet), `none`, or an address',
    }),
  ),
  mac: optional(MacAddress),
  model: optional(NicModel),
  ...NicTrust,
});
export const RequestedDisk = strict({
  sizeMiB: MiB('size', 1),
  template: optional(oneOf(diskTemplates)),
});

export const RequestedCd = strict({
  image: optional(Ref),
  bus: optional(oneOf(cdBuses, 'default: as its image and its machine say')),
});

export const readiness = ['running', 'ping', 'ssh'] as const;

export const CreateInstance = strict({
  name: Name,
  labels,
  flavor: optional(Ref),
  vcpus: optional(positive('instead of the flavor’s', 512)),
  memoryMiB: optional(MiB('instead of the flavor’s', 16)),
  ...room,
  image: optional(Ref),
  os: optional(OsSource),
  boot: optional(Boot),
  disks: optional(
    Type.Array(RequestedDisk, {
      maxItems: 24,
      description: 'the first takes the image’s content; default: one of the flavor’s size',
    }),
  ),
  nics: optional(
    Type.Array(RequestedNic, {
      maxItems: 16,
      description: 'default: one in network `default`, if that exists',
    }),
  ),
  cds: optional(
    Type.Array(RequestedCd, {
      maxItems: MOST_CDS,
      description: 'CD drives; an ISO image as `image` is in one before them',
    }),
  ),
  bootOrder: optional(BootOrder),
  power: optional(oneOf(['running', 'stopped'] as const)),
  guest: optional(GuestPolicy),
  personality: optional(Personality),
  affinity: optional(Type.Array(AffinityRule, { maxItems: 32 })),
  protected: optional(Type.Boolean()),
  addressCheck: optional(
    Type.Boolean({
      description: 'ask on its networks whether anybody else has its addresses; default true',
    }),
  ),
  nameCheck: optional(
    Type.Boolean({ description: 'refuse a name that resolves to another address; default true' }),
  ),
  node: optional(Ref),
  until: optional(
    oneOf(
      readiness,
      'when the operation counts as done: QEMU runs (default), a ping is answered, ssh answers',
    ),
  ),
  deadlineMs: optional(Milliseconds('default 10 minutes', 1000)),
  reason: optional(Type.String({ maxLength: 255 })),
});
export type CreateInstance = Static<typeof CreateInstance>;

export const InstanceActionBody = strict({
  force: optional(Type.Boolean({ description: 'stop: pull the plug; reboot: reset' })),
  timeoutMs: optional(Milliseconds('stop: how long to ask before forcing')),
  until: optional(oneOf(readiness)),
  bootOnce: optional(BootOrder),
  discardSaved: optional(
    Type.Boolean({ description: 'start: boot it anew; the memory that a suspend saved is lost' }),
  ),
  deadlineMs: optional(Milliseconds('default 10 minutes', 1000)),
  reason: optional(Type.String({ maxLength: 255 })),
});
export type InstanceActionBody = Static<typeof InstanceActionBody>;

export const InstanceKeyPresses = strict({
  keys: KeyPresses,
  deadlineMs: InstanceActionBody.properties.deadlineMs,
  reason: InstanceActionBody.properties.reason,
});
export type InstanceKeyPresses = Static<typeof InstanceKeyPresses>;

export const InstancePasswordBody = strict({ user: GuestUser, password: GuestPassword });
export const InstanceKeysBody = strict({
  user: GuestUser,
  keys: Type.Array(SshKey, { minItems: 1, maxItems: 64 }),
});

export const SetFlavor = strict({
  extraSpecs: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]), {
    description: 'key -> value; null unsets',
  }),
});
export const SetImage = strict({
  properties: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]), {
    description: 'key -> value; null unsets',
  }),
});
const { cidr: _cidr, ...SubnetParts } = Subnet.properties;
const { cidr: _cidr6, ...Subnet6Parts } = Subnet6.properties;
/** A body that changes settings: those given are set, null unsets. */
export const changesOf = <T extends object>(
  properties: Record<keyof T & string, TSchema>,
  description: string,
) =>
  Type.Unsafe<{ [K in keyof T]?: T[K] | null }>(
    strict(
      Object.fromEntries(
        Object.entries<TSchema>(properties).map(([name, schema]) => [
          name,
          optional(Type.Union([schema, Type.Null()])),
        ]),
      ),
      { description: `${description}; null unsets` },
    ),
  );
export const HostChanges = changesOf<HostPolicy>(HostPolicy.properties, 'what of a node guests may use');
export type HostChanges = Static<typeof HostChanges>;
export const GuestChanges = changesOf<GuestPolicy>(GuestPolicy.properties, 'inherited guest settings');
export type GuestChanges = Static<typeof GuestChanges>;

export const LockInstance = strict({
  reason: Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
});
export const RenameInstance = strict({ name: Name, nameCheck: CreateInstance.properties.nameCheck });
export const SetNetwork = strict({
  uplink: optional(BridgeName),
  vlan: optional(Type.Union([VlanId, Type.Null()], { description: 'null: the uplink itself' })),
  mtu: optional(Type.Union([Mtu, Type.Null()], { description: 'null: 1500' })),
  groups: optional(Groups),
  subnet: optional(
    changesOf<Omit<Subnet, 'cidr'>>(SubnetParts, 'gateway, pool, name servers and reserved addresses'),
  ),
  subnet6: optional(changesOf<Omit<Subnet6, 'cidr'>>(Subnet6Parts, 'the same of the IPv6 subnet')),
  reserve: optional(
    Type.Array(Type.Union([Ipv4Address, Ipv6Address]), {
      maxItems: 1024,
      description: 'never handed out from now on, beside those that are reserved already',
    }),
  ),
  release: optional(
    Type.Array(Type.Union([Ipv4Address, Ipv6Address]), { maxItems: 1024, description: 'reserved no longer' }),
  ),
});
export type SetNetwork = Static<typeof SetNetwork>;

export const BootChanges = changesOf<Boot>(Boot.properties, 'what the guest boots');
export type BootChanges = Static<typeof BootChanges>;

export const SetInstance = strict({
  labels: optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]), {
      description: 'key -> value; null unsets',
    }),
  ),
  flavor: optional(Ref),
  vcpus: optional(positive('instead of the flavor’s', 512)),
  memoryMiB: optional(MiB('instead of the flavor’s', 16)),
  ...roomChanges,
  boot: optional(BootChanges),
  bootOrder: optional(Type.Union([BootOrder, Type.Null()], { description: 'null: the default' })),
  guest: optional(GuestChanges),
  protected: optional(Type.Boolean({ description: 'refuse its deletion' })),
});
export type SetInstance = Static<typeof SetInstance>;

export const ResizeInstance = strict({
  flavor: optional(Ref),
  vcpus: optional(positive('instead of the flavor’s', 512)),
  memoryMiB: optional(MiB('instead of the flavor’s', 16)),
  ...roomChanges,
  deadlineMs: InstanceActionBody.properties.deadlineMs,
  reason: InstanceActionBody.properties.reason,
  noRevert: optional(
    Type.Boolean({ description: 'no way back once it has the new size: nothing is held for it' }),
  ),
});
export type ResizeInstance = Static<typeof ResizeInstance>;

export const SetPolicy = strict({ guest: optional(GuestChanges), host: optional(HostChanges) });
export const CreateGroup = strict({ name: Name, labels, ...SetPolicy.properties });
export const SetClusterOs = strict({
  provider: Type.String(),
  parameters: Type.Record(Type.String(), Type.String({ maxLength: 1024 })),
});
export const SetNode = strict({
  role: optional(oneOf(['active', 'drained', 'offline'] as const)),
  group: optional(Ref),
  host: optional(HostChanges),
});
export const SetClusterAccess = strict({
  nodeCommands: optional(NodeCommandPolicy),
  auditDays: optional(AuditDays),
});
