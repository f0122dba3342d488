/**
 * Questions whether anybody has an address, and what tells that somebody does: ARP probes (RFC 5227) and neighbour
 * solicitations of duplicate address detection (RFC 4862). Both ask without a source address, so nobody learns a wrong
 * neighbour from them. Pure.
 */
import { isIPv4 } from 'node:net';

/** Who has an address, as he says himself. */
export interface Holder {
  address: string;
  mac: string;
}

const BROADCAST = 'ffffffffffff';
const NO_ADDRESS = '00'.repeat(16);
const [ARP, IPV6] = ['0806', '86dd'];
const [SOLICITATION, ADVERTISEMENT] = [135, 136];
/** Offsets in bytes: of what follows the Ethernet header, and of what follows that of IPv6. */
const [PAYLOAD, ICMP6] = [14, 54];

/** The frame that asks for `address` (checked before), sent from the interface that has `mac`. */
export function question(mac: string, address: string): Buffer {
  const from = mac.replaceAll(':', '');
  const hex = isIPv4(address) ? arpProbe(from, ipv4Hex(address)) : solicitation(from, ipv6Hex(address));
  return Buffer.from(hex, 'hex');
}

const arpProbe = (from: string, target: string): string =>
  `${BROADCAST}${from}${ARP}0001080006040001${from}00000000${'00'.repeat(6)}${target}`;

/** To the group of all whose address ends like this one (RFC 4291, 2.7.1). */
function solicitation(from: string, target: string): string {
  const group = `ff0200000000000000000001ff${target.slice(-6)}`;
  const body = `00000000${target}`;
  const pseudoHeader = `${NO_ADDRESS}${group}000000180000003a`;
  const sum = checksum(`${pseudoHeader}${SOLICITATION.toString(16)}000000${body}`);
  const header = `6000000000183aff${NO_ADDRESS}${group}`;
  return `3333ff${target.slice(-6)}${from}${IPV6}${header}${SOLICITATION.toString(16)}00${sum}${body}`;
}

/**
 * Which of `asked` the frame says that somebody has, or is about to take. Total: whatever else comes says nothing.
 * @param own MACs of the interface that asked, and of the guest that it asks for
 */
export function holderIn(
  frame: Buffer,
  asked: readonly string[],
  own: readonly string[],
): Holder | undefined {
  const kind = frame.toString('hex', 12, PAYLOAD);
  const found = kind === ARP ? inArp(frame) : kind === IPV6 ? inNeighbour(frame) : undefined;
  if (!found || own.includes(macText(found.mac))) return undefined;
  const address = asked.find((each) => (isIPv4(each) ? ipv4Hex(each) : ipv6Hex(each)) === found.address);
  return address === undefined ? undefined : { address, mac: macText(found.mac) };
}

/** The sender has an address; one that probes as we do wants it. */
function inArp(frame: Buffer): Holder | undefined {
  const part = (at: number, bytes: number) => frame.toString('hex', PAYLOAD + at, PAYLOAD + at + bytes);
  if (frame.length < PAYLOAD + 28 || part(0, 6) !== '000108000604') return undefined;
  const sender = part(14, 4);
  return { address: sender === '00000000' ? part(24, 4) : sender, mac: part(8, 6) };
}

function inNeighbour(frame: Buffer): Holder | undefined {
  if (frame.length < ICMP6 + 24 || frame[PAYLOAD + 6] !== 58) return undefined;
  const type = frame[ICMP6];
  const unspecified = frame.toString('hex', PAYLOAD + 8, PAYLOAD + 24) === NO_ADDRESS;
  if (type !== ADVERTISEMENT && !(type === SOLICITATION && unspecified)) return undefined;
  return { address: frame.toString('hex', ICMP6 + 8, ICMP6 + 24), mac: frame.toString('hex', 6, 12) };
}

const macText = (hex: string): string => (hex.match(/../g) ?? []).join(':');

const ipv4Hex = (address: string): string => Buffer.from(address.split('.').map(Number)).toString('hex');

function ipv6Hex(address: string): string {
  const [before = [], after = []] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
}

/** RFC 1071, of an even number of bytes in hex. */
function checksum(hex: string): string {
  let sum = (hex.match(/.{4}/g) ?? []).reduce((total, word) => total + Number.parseInt(word, 16), 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return (0xffff - sum).toString(16).padStart(4, '0');
}
