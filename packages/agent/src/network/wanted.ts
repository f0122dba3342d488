/**
 * What a managed network is made of on this node, worked out from its spec. Everything here was checked: only values
 * of this form reach argv, the rules and the configuration of dnsmasq.
 */
import { createHash } from 'node:crypto';
import { type AttachmentSpec, err, isUuid } from '@gantry/model';
import type { NetworkEnsure } from '../actions.ts';
import { isIpv4, type Net, parseNet } from './ipv4.ts';

export type Leases = NetworkEnsure['leases'];

export interface NatNetwork {
  cluster: string;
  network: string;
  bridge: string;
  /** `ifalias`: says to people and to us whose bridge it is. */
  alias: string;
  /**
   * Derived from cluster and network: stays over restarts (guests keep their ARP entry), and marks the bridge as ours
   * from the moment it is made, before it has its alias. Given by us, so that neither the ports nor systemd's
   * MACAddressPolicy=persistent (derived from machine-id, equal on cloned machines) choose it.
   */
  mac: string;
  mtu: number;
  net: Net;
  gateway: string;
  dns: readonly string[];
  dhcp: boolean;
  /** Name of the nftables table, family inet. */
  table: string;
}

/** Linux refuses longer ones (IFNAMSIZ), slashes and spaces; the rest is what ip, nft and dnsmasq take as a plain word. */
const INTERFACE = /^[a-z][a-z0-9._-]{0,14}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const HOSTNAME = /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const DEFAULT_MTU = 1500;

const refuse = (what: string, value: string, wanted: string): never => {
  throw err('invalid_argument', { what: `${what} ${JSON.stringify(value.slice(0, 64))}`, wanted });
};

/** @throws GantryError `invalid_argument` */
export function checkInterface(name: string): string {
  return INTERFACE.test(name) ? name : refuse('interface', name, 'a Linux interface name');
}

/** @throws GantryError `invalid_argument` */
export function checkMac(mac: string): string {
  return MAC.test(mac) ? mac : refuse('MAC', mac, 'a MAC address in lower case');
}

/** @throws GantryError `invalid_argument` */
export function checkIpv4(address: string): string {
  return isIpv4(address) ? address : refuse('address', address, 'an IPv4 address');
}

/** @throws GantryError `invalid_argument` */
export function checkNetworkId(id: string): string {
  return isUuid(id) ? id : refuse('network', id, 'a UUID');
}

/** The mark on a bridge of ours. */
export const aliasOf = (cluster: string, network: string): string => `gantry ${cluster} ${network}`;

/** The network that an alias of this cluster names. */
export function networkOfAlias(cluster: string, alias: string | undefined): string | undefined {
  const [word, owner, network = ''] = alias?.split(' ') ?? [];
  return word === 'gantry' && owner === cluster && isUuid(network) ? network : undefined;
}

/** 02: locally administered, unicast; the rest is a digest. */
export function macOf(cluster: string, network: string): string {
  const digest = createHash('sha256').update(`${cluster} ${network}`).digest('hex');
  return `02:${(digest.slice(0, 10).match(/../g) ?? []).join(':')}`;
}

/** The whole id: two networks in one table would undo each other's rules. */
export const tableOf = (network: string): string => `gantry-${checkNetworkId(network)}`;

/**
 * The parts of a network of mode `nat`.
 * @throws GantryError `invalid_argument`, `address_outside`
 */
export function natNetwork(cluster: string, spec: AttachmentSpec): NatNetwork {
  const network = checkNetworkId(spec.network);
  if (!spec.subnet) throw err('invalid_argument', { what: `network ${network}`, wanted: 'given a subnet' });
  const net = parseNet(spec.subnet.cidr);
  const gateway = checkIpv4(spec.subnet.gateway ?? net.at(1));
  if (!net.usable(gateway)) throw outside(gateway, network, `it is no host address of ${net.cidr}`);
  const mtu = spec.mtu ?? DEFAULT_MTU;
  if (!Number.isInteger(mtu) || mtu < 576 || mtu > 9216) refuse('mtu', String(mtu), '576 to 9216');
  return {
    cluster,
    network,
    bridge: checkInterface(spec.bridge),
    alias: aliasOf(cluster, network),
    mac: macOf(cluster, network),
    mtu,
    net,
    gateway,
    dns: (spec.subnet.dns ?? []).map(checkIpv4),
    dhcp: spec.dhcp,
    table: tableOf(network),
  };
}

/**
 * Can dnsmasq be given it?
 * @throws GantryError `invalid_argument`, `address_outside`
 */
export function checkLease(
  { net, network, gateway }: NatNetwork,
  { mac, ipv4, hostname }: Leases[number],
): void {
  checkMac(mac);
  if (!net.usable(ipv4)) throw outside(ipv4, network, `it is no host address of ${net.cidr}`);
  if (ipv4 === gateway) throw outside(ipv4, network, 'it is the gateway');
  if (!HOSTNAME.test(hostname)) refuse('host name', hostname, 'a valid host name');
}

const outside = (address: string, network: string, why: string) =>
  err('address_outside', { address: address.slice(0, 64), network, why });
