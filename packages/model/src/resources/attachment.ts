/** Attachment: a network on a node. */
import { NetworkId, NodeId } from '../ids.ts';
import { Problem } from '../problem.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { resource } from './common.ts';
import { BridgeName, Mtu, networkModes, Subnet, VlanId } from './network.ts';

export const AttachmentSpec = strict({
  network: NetworkId,
  node: NodeId,
  desired: oneOf(['present', 'absent'] as const),
  mode: oneOf(networkModes),
  bridge: BridgeName,
  uplink: optional(BridgeName),
  vlan: optional(VlanId),
  mtu: optional(Mtu),
  subnet: optional(Subnet),
  dhcp: Type.Boolean(),
});
export type AttachmentSpec = Static<typeof AttachmentSpec>;

export const AttachmentStatus = strict({
  state: oneOf(['pending', 'ready', 'absent', 'failed'] as const),
  error: optional(Problem),
});
export type AttachmentStatus = Static<typeof AttachmentStatus>;

export const Attachment = resource('attachment', Type.String(), AttachmentSpec, AttachmentStatus);
export type Attachment = Static<typeof Attachment>;
