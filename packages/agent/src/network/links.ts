/** The node's interfaces, as one `ip` call tells them. /sys/class/net would show the namespace that mounted it. */
import { type Run, run as runProgram } from '../process/run.ts';

export interface Link {
  name: string;
  up: boolean;
  /** The other end is there: of a tap, a QEMU that has it open. */
  carrier: boolean;
  mtu: number;
  mac: string;
  /** `bridge`, `tun`, `veth` ...; none for hardware. */
  kind?: string;
  alias?: string;
  /** Bridge that it is a port of. */
  master?: string;
  /** `address/prefix`. */
  ipv4: string[];
  /** Those that others can reach: not link-local. */
  ipv6?: string[];
  /** Of a VLAN: the interface that it is on, and its id. */
  parent?: string;
  vlan?: number;
  /** A bridge with vlan_filtering. */
  vlanAware?: true;
  /** Of such a bridge and of its ports: which VLANs they take. */
  vlans?: VlanRange[];
}

/** VLANs in a row. */
export interface VlanRange {
  first: number;
  last: number;
  /** Frames of it come out without tag. */
  untagged: boolean;
}

/** `ip -j -d addr show`, as far as it is read here (iproute2 6.1). */
interface IpLink {
  ifname?: string;
  flags?: string[];
  mtu?: number;
  address?: string;
  ifalias?: string;
  master?: string;
  link?: string;
  linkinfo?: { info_kind?: string; info_data?: { id?: number; vlan_filtering?: number } };
  addr_info?: { family?: string; local?: string; prefixlen?: number }[];
}

/** `bridge -j vlan show`. */
interface IpVlans {
  ifname?: string;
  vlans?: { vlan?: number; vlanEnd?: number; flags?: string[] }[];
}

const keepBytes = 64 * 2 ** 20;

/** About 4 ms; 1 ms of it is the fork. A second call where there is a VLAN-aware bridge. */
export async function links(run: Run = runProgram): Promise<Map<string, Link>> {
  const all = parseLinks((await run(['ip', '-j', '-d', 'addr', 'show'], { keepBytes })).stdout);
  if (![...all.values()].some(({ vlanAware }) => vlanAware)) return all;
  const { stdout } = await run(['bridge', '-j', 'vlan', 'show'], { keepBytes });
  for (const [name, vlans] of parseVlans(stdout)) {
    const link = all.get(name);
    if (link) link.vlans = vlans;
  }
  return all;
}

/** By interface. */
export function parseVlans(json: string): Map<string, VlanRange[]> {
  const found = JSON.parse(json.trim() === '' ? '[]' : json) as IpVlans[];
  return new Map(
    found.flatMap(({ ifname, vlans = [] }) => (ifname ? [[ifname, vlans.flatMap(toRange)]] : [])),
  );
}

const toRange = ({ vlan, vlanEnd = vlan, flags = [] }: NonNullable<IpVlans['vlans']>[number]): VlanRange[] =>
  vlan === undefined || vlanEnd === undefined
    ? []
    : [{ first: vlan, last: vlanEnd, untagged: flags.includes('Egress Untagged') }];

export function parseLinks(json: string): Map<string, Link> {
  const found = JSON.parse(json.trim() === '' ? '[]' : json) as IpLink[];
  return new Map(found.flatMap((link) => (link.ifname ? [[link.ifname, toLink(link.ifname, link)]] : [])));
}

const toLink = (name: string, link: IpLink): Link => ({
  name,
  up: link.flags?.includes('UP') ?? false,
  carrier: link.flags?.includes('LOWER_UP') ?? false,
  mtu: link.mtu ?? 0,
  mac: link.address ?? '',
  ...(link.linkinfo?.info_kind ? { kind: link.linkinfo.info_kind } : {}),
  ...(link.ifalias ? { alias: link.ifalias } : {}),
  ...(link.master ? { master: link.master } : {}),
  ...vlanOf(link),
  ...(link.linkinfo?.info_data?.vlan_filtering === 1 ? { vlanAware: true } : {}),
  ...addressesOf(link),
});

const vlanOf = ({ link, linkinfo }: IpLink): Pick<Link, 'parent' | 'vlan'> =>
  linkinfo?.info_kind === 'vlan' && link !== undefined && linkinfo.info_data?.id !== undefined
    ? { parent: link, vlan: linkinfo.info_data.id }
    : {};

function addressesOf({ addr_info = [] }: IpLink): Pick<Link, 'ipv4' | 'ipv6'> {
  const those = (wanted: string) =>
    addr_info
      .filter(({ family }) => family === wanted)
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const ipv6 = those('inet6').filter((address) => !address.startsWith('fe80:'));
  return { ipv4: those('inet'), ...(ipv6.length > 0 ? { ipv6 } : {}) };
}

export const portsOf = (all: ReadonlyMap<string, Link>, bridge: string): string[] =>
  [...all.values()].filter((link) => link.master === bridge).map((link) => link.name);
