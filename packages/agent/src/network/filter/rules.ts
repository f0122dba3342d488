/**
 * What may leave a guest, as nftables of the bridge family: one table, a map from tap to chain, one chain for each tap.
 * It hooks before the bridge learns or forwards anything. A frame passes one lookup, whatever the number of guests.
 * Sources: RFC 826 (ARP), 2131 (DHCP), 4861 (neighbour discovery), 5227 (ARP probes), 6105 (router advertisements), 6980,
 * 7112 and 7113 (those in fragments).
 */
import { createHash } from 'node:crypto';
import { TAP_PREFIX } from '@gantry/guest';
import type { GuestFilter, TapFilter } from './sources.ts';

export const TABLE = 'gantry';
const MAP = 'taps';
const BASE = 'from-guests';

/** Why a frame was dropped: the comment at its counter. */
export const dropReasons = [
  'mac',
  'arp',
  'ipv4',
  'ipv6',
  'neighbour',
  'router',
  'fragment',
  'dhcp-server',
  'protocol',
] as const;
export type DropReason = (typeof dropReasons)[number];

const drop = (why: DropReason): string => `counter drop comment "${why}"`;
const set = (values: readonly string[]): string => `{ ${values.join(', ')} }`;
const macNumbers = (macs: readonly string[]): string =>
  set(macs.map((mac) => `0x${mac.replaceAll(':', '')}`));

/** In order; the first that matches decides. What is named nowhere (tagged frames, STP, LLDP, PPPoE) does not leave. */
export function chainOf(tap: TapFilter): string[] {
  if (tap.mode === 'off') return ['accept'];
  return [
    `ether saddr != ${set(tap.macs)} ${drop('mac')}`,
    // First: the kernel takes the tag off before it looks for IP and ARP, and the bridge puts it back.
    `ether type { 8021q, 8021ad } ${drop('protocol')}`,
    ...ipv4Rules(tap),
    ...arpRules(tap),
    ...ipv6Rules(tap),
    // QEMU itself says so to the switches when a guest has moved: sender MAC at offset 8 of the RARP packet.
    `ether type 0x8035 @nh,64,48 ${macNumbers(tap.macs)} accept`,
    drop('protocol'),
  ];
}

function ipv4Rules({ mode, macs, ipv4 }: TapFilter): string[] {
  // The client's MAC inside the request (28 bytes into BOOTP) too: else one guest could take every lease of a pool.
  const asksDhcp = `udp sport 68 udp dport 67 @th,288,48 ${macNumbers(macs)}`;
  return [
    `ether type ip udp sport 67 udp dport 68 ${drop('dhcp-server')}`,
    `ip saddr 0.0.0.0 ip daddr 255.255.255.255 ${asksDhcp} accept`,
    ...(mode === 'unbound' ? ['ether type ip ip saddr != 0.0.0.0 accept'] : []),
    ...(mode === 'bound' && ipv4.length > 0 ? [`ip saddr ${set(ipv4)} accept`] : []),
    `ether type ip ${drop('ipv4')}`,
  ];
}

function arpRules({ mode, macs, ipv4 }: TapFilter): string[] {
  const wellFormed = `arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether ${set(macs)}`;
  return [
    `${wellFormed} arp operation request arp saddr ip 0.0.0.0 accept`,
    ...(mode === 'unbound' ? [`${wellFormed} accept`] : []),
    ...(mode === 'bound' && ipv4.length > 0 ? [`${wellFormed} arp saddr ip ${set(ipv4)} accept`] : []),
    `ether type arp ${drop('arp')}`,
  ];
}

function ipv6Rules({ mode, ipv6 }: TapFilter): string[] {
  const own = set(ipv6);
  const targets = set(ipv6.map(targetRange));
  const bound = [
    // nft of Debian 12 has no word for the target of a solicitation or advertisement: 8 bytes into ICMPv6.
    `icmpv6 type nd-neighbor-advert @th,64,128 != ${targets} ${drop('neighbour')}`,
    `ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${targets} accept`,
    'ip6 saddr :: icmpv6 type mld2-listener-report accept',
  ];
  const honest = mode === 'bound' ? `ip6 saddr ${own}` : 'ether type ip6';
  return [
    `icmpv6 type { nd-router-advert, nd-redirect } ${drop('router')}`,
    `ether type ip6 udp sport 547 udp dport 546 ${drop('dhcp-server')}`,
    ...(mode === 'bound' ? bound : []),
    `${honest} exthdr frag missing accept`,
    ...wholeHeaders.map((header) => `${honest} frag frag-off 0 ${header} accept`),
    `${honest} frag frag-off 0 ${drop('fragment')}`,
    // what follows a first fragment that was dropped is put together by nobody
    `${honest} accept`,
    `ether type ip6 ${drop('ipv6')}`,
  ];
}

/**
 * What a first fragment must begin with, to be let out: enough of its payload for the rules before to have seen what it
 * is. Behind a long header of options a router advertisement could come in the second one; and neighbour discovery is in
 * no fragment at all (RFC 6980). A match on bytes that are not there fails.
 */
const wholeHeaders: readonly string[] = [
  'icmpv6 type { echo-request, echo-reply }',
  'udp length >= 8',
  'tcp doff >= 5',
  'meta l4proto != { tcp, udp, ipv6-icmp }',
];

/** An address, or the first and last of a subnet, as nft reads raw payload. */
function targetRange(source: string): string {
  const [address = '', length] = source.split('/');
  const value = toNumber(address);
  const hostBits = 128n - BigInt(length ?? 128);
  const first = (value >> hostBits) << hostBits;
  const last = first + (1n << hostBits) - 1n;
  const hex = (n: bigint): string => `0x${n.toString(16).padStart(32, '0')}`;
  return first === last ? hex(first) : `${hex(first)}-${hex(last)}`;
}

/** @param address a valid one; an embedded IPv4 address is in dotted form */
function toNumber(address: string): bigint {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const plain = dotted
    ? address.slice(0, dotted.index) +
      [dotted.slice(1, 3), dotted.slice(3, 5)]
        .map(([high, low]) => (Number(high) * 256 + Number(low)).toString(16))
        .join(':')
    : address;
  const [head = '', tail] = plain.split('::', 2);
  const groups = (text: string): string[] => text.split(':').filter((group) => group !== '');
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** Says of a chain whose it is and what is in it: comment of its first rule, and what `look` compares. */
export function markOf(instance: string, tap: TapFilter): string {
  const rules = chainOf(tap);
  const digest = createHash('sha256').update(rules.join('\n')).digest('hex').slice(0, 16);
  return `gantry ${instance} ${digest} ${rules.length + 1}`;
}

const base = [
  `add table bridge ${TABLE}`,
  `add map bridge ${TABLE} ${MAP} { type ifname : verdict ; }`,
  `add chain bridge ${TABLE} ${BASE} { type filter hook prerouting priority -300 ; policy accept ; }`,
];

/** The transaction that puts a guest's filter in place, whole, whatever was there. `stale`: taps it has no longer. */
export function putText({ instance, taps }: GuestFilter, stale: readonly string[]): string {
  const rule = (chain: string, text: string): string => `add rule bridge ${TABLE} ${chain} ${text}`;
  return lines([
    ...base,
    `flush chain bridge ${TABLE} ${BASE}`,
    rule(BASE, `iifname vmap @${MAP}`),
    // A tap of ours without a chain: nothing leaves before there is one.
    rule(BASE, `iifname "${TAP_PREFIX}*" counter drop comment "no filter"`),
    ...stale.flatMap(removal),
    ...taps.flatMap((tap) => [
      `add chain bridge ${TABLE} ${tap.tap}`,
      `flush chain bridge ${TABLE} ${tap.tap}`,
      rule(tap.tap, `continue comment "${markOf(instance, tap)}"`),
      ...chainOf(tap).map((text) => rule(tap.tap, text)),
      `add element bridge ${TABLE} ${MAP} { "${tap.tap}" : goto ${tap.tap} }`,
    ]),
  ]);
}

/** The transaction after which these taps have no filter; holds where they had none. The last ones take the table along. */
export const removeText = (taps: readonly string[], last: boolean): string =>
  lines([...base, ...(last ? [`delete table bridge ${TABLE}`] : taps.flatMap(removal))]);

/** Made first, so that there is something to remove either way. */
const removal = (tap: string): string[] => [
  `add chain bridge ${TABLE} ${tap}`,
  `add element bridge ${TABLE} ${MAP} { "${tap}" : goto ${tap} }`,
  `delete element bridge ${TABLE} ${MAP} { "${tap}" }`,
  `flush chain bridge ${TABLE} ${tap}`,
  `delete chain bridge ${TABLE} ${tap}`,
];

const lines = (text: readonly string[]): string => `${text.join('\n')}\n`;
