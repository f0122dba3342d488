import { GroupId, Name } from '../ids.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { resource } from './common.ts';

const ipv4 = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}';
export const Ipv4Address = Type.String({ pattern: `^${ipv4}$`, description: 'IPv4 address' });
export const Ipv4Cidr = Type.String({ pattern: `^${ipv4}/(3[0-2]|[12]?\\d)$`, description: 'IPv4 subnet' });
export const MacAddress = Type.String({
  pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$',
  description: 'MAC address, lower case',
});
const group = '[0-9a-f]{1,4}';
/** `::` stands for one group or more, wherever it is. */
const ipv6 = [
  `(${group}:){7}${group}`,
  `(${group}:){1,7}:`,
  ...[1, 2, 3, 4, 5, 6].map((after) => `(${group}:){1,${7 - after}}(:${group}){1,${after}}`),
  `:((:${group}){1,7}|:)`,
].join('|');
export const Ipv6Address = Type.String({ pattern: `^(${ipv6})$`, description: 'IPv6 address, lower case' });
const ipv6Prefix = '12[0-8]|1[01]\\d|[1-9]?\\d';
export const Ipv6Cidr = Type.String({ pattern: `^(${ipv6})/(${ipv6Prefix})$`, description: 'IPv6 subnet' });
/** What a NIC may be allowed to send from. */
export const AllowedSource = Type.String({
  pattern: `^(${ipv4}(/(3[0-2]|[12]?\\d))?|(${ipv6})(/(${ipv6Prefix}))?|[0-9a-f]{2}(:[0-9a-f]{2}){5})$`,
  description: 'IPv4 or IPv6 address, a subnet of either, or a MAC address; lower case',
});
export const BridgeName = Type.String({
  pattern: '^[a-z][a-z0-9._-]{0,14}$',
  description: 'Linux interface name',
});

export const Subnet = strict({
  cidr: Ipv4Cidr,
  gateway: optional(Ipv4Address),
  poolStart: optional(Ipv4Address),
  poolEnd: optional(Ipv4Address),
  dns: optional(Type.Array(Ipv4Address, { maxItems: 4 })),
  reserved: optional(Type.Array(Ipv4Address, { maxItems: 1024, description: 'never handed out' })),
});
export type Subnet = Static<typeof Subnet>;

/** Its addresses are written into the guest: nobody tells it of them on the wire. */
export const Subnet6 = strict({
  cidr: Ipv6Cidr,
  gateway: optional(Ipv6Address),
  poolStart: optional(Ipv6Address),
  poolEnd: optional(Ipv6Address),
  dns: optional(Type.Array(Ipv6Address, { maxItems: 4 })),
  reserved: optional(Type.Array(Ipv6Address, { maxItems: 1024, description: 'never handed out' })),
});
export type Subnet6 = Static<typeof Subnet6>;

/** How a network gets onto a node. */
export const networkModes = ['nat', 'bridge', 'uplink'] as const;
export type NetworkMode = (typeof networkModes)[number];
export const Mtu = Type.Integer({ minimum: 576, maximum: 9216 });
/** IEEE 802.1Q: 0 is no VLAN, 4095 is reserved. */
export const VlanId = Type.Integer({ minimum: 1, maximum: 4094, description: 'VLAN of the uplink' });

export const NetworkSpec = strict({
  mode: oneOf(
    networkModes,
    '`nat`: a bridge that the agent makes, with DHCP and NAT; `bridge`: an existing bridge of the host; `uplink`: a bridge that the agent makes on an interface of the host, or on a VLAN of it',
  ),
  bridge: optional(BridgeName),
  uplink: optional(BridgeName),
  vlan: optional(VlanId),
  groups: optional(
    Type.Array(GroupId, {
      minItems: 1,
      maxItems: 256,
      uniqueItems: true,
      description: 'of nodes that have the network; default: all',
    }),
  ),
  mtu: optional(Mtu),
  subnet: optional(Subnet),
  subnet6: optional(Subnet6),
  dhcp: optional(
    Type.Boolean({ description: 'the agent answers DHCP for its guests; default true with mode nat' }),
  ),
});
export type NetworkSpec = Static<typeof NetworkSpec>;

/** An L2 segment with its addresses. */
export const Network = resource('network', Name, NetworkSpec, strict({}));
export type Network = Static<typeof Network>;
