/** Nova’s kinds of NIC: how each is connected (nova/virt/libvirt/vif.py and os-vif, 26.2.2). */
import { origin } from '../origin.ts';
import { refused } from '../refusal.ts';
import type { NicPlan } from '../wanted.ts';
import type { CaseNic } from './case.ts';

/** Linux gives interfaces 15 characters; Nova leaves one for itself. */
const NAME_LENGTH = 14;

type Connection = Pick<NicPlan, 'source' | 'target' | 'mtu' | 'model' | 'limited'>;
type Kind = (nic: CaseNic) => Connection;

const detail = (nic: CaseNic, name: string): string | undefined => {
  const value = nic.details?.[name];
  return typeof value === 'string' ? value : undefined;
};

const nameOf = (nic: CaseNic): string => nic.devname ?? `nic${nic.id ?? ''}`.slice(0, NAME_LENGTH);
const mtuOf = ({ mtu }: CaseNic) => (mtu === undefined || mtu === null ? {} : { mtu });

const onBridge = (nic: CaseNic, bridge: string, port?: string): Connection => ({
  source: { type: 'bridge', bridge, ...(port === undefined ? {} : { openVswitchPort: port }) },
  target: nameOf(nic),
  ...mtuOf(nic),
  limited: true,
});

const bridge: Kind = (nic) => onBridge(nic, bridgeOf(nic));

function bridgeOf({ bridge: name }: CaseNic): string {
  if (!name) throw refused('one of its NICs names no bridge', 'InternalError');
  return name;
}

/** With a firewall of its own between guest and switch (hybrid), on a Linux bridge; else directly on the switch. */
const openVswitch: Kind = (nic) =>
  nic.details?.['ovs_hybrid_plug'] === true
    ? onBridge(nic, `qbr${nic.id ?? ''}`.slice(0, NAME_LENGTH))
    : onBridge(nic, bridgeOf(nic), nic.ovs_interfaceid ?? nic.id ?? '');

const tap: Kind = (nic) => ({
  source: { type: 'ethernet' },
  target: nameOf(nic),
  ...mtuOf(nic),
  limited: false,
});

const macvtap: Kind = (nic) => {
  const device = detail(nic, 'macvtap_source');
  const mode = detail(nic, 'macvtap_mode');
  if (!device || !mode || !detail(nic, 'physical_interface'))
    throw refused(
      'a macvtap NIC needs macvtap_source, macvtap_mode and physical_interface',
      'VifDetailsMissingMacvtapParameters',
    );
  return { source: { type: 'direct', device, mode }, model: 'virtio', limited: true };
};

/** A user-space switch: no MTU and no limits, which libvirt has no hand in. */
const vhostUser: Kind = (nic) => {
  const socket = detail(nic, 'vhostuser_socket');
  const mode = detail(nic, 'vhostuser_mode');
  if (!socket || !mode)
    throw refused('a vhost-user NIC needs vhostuser_socket and vhostuser_mode', 'InternalError');
  const ours = nic.details?.['vhostuser_ovs_plug'] === true;
  return {
    source: { type: 'vhostuser', socket, mode },
    target: ours ? `vhu${nic.id ?? ''}`.slice(0, NAME_LENGTH) : nameOf(nic),
    limited: false,
  };
};

const kinds: Readonly<Record<string, Kind>> = {
  bridge,
  ovs: openVswitch,
  tap,
  midonet: (nic) => ({ source: { type: 'ethernet' }, target: nameOf(nic), limited: false }),
  iovisor: (nic) => ({ source: { type: 'ethernet' }, target: nameOf(nic), limited: true }),
  macvtap,
  vhostuser: vhostUser,
};

export function nicPlan(nic: CaseNic, index: number): NicPlan {
  const kind = Object.hasOwn(kinds, nic.type) ? kinds[nic.type] : undefined;
  if (!kind) throw refused(`NICs of kind ${nic.type.slice(0, 32)} are not built`, 'InternalError');
  return {
    mac: nic.mac,
    ...kind(nic),
    origin: origin('instance', `nics[${index}]`, `NIC ${index} of the instance, kind ${nic.type}`),
  };
}
