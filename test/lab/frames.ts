/** Ethernet frames as a guest would forge them, in hex. Of checksums only IPv4's header has one: bridges look at it. */

const hex = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, '0');
const text = (words: string): string => Buffer.from(words).toString('hex');
const mac = (address: string): string => address.replaceAll(':', '');
const ipv4 = (address: string): string =>
  address
    .split('.')
    .map((octet) => hex(Number(octet), 1))
    .join('');

/** `::` in the middle, as the addresses of this file have it. */
export function ipv6(address: string): string {
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string) => part.split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  return [...groups(head), ...zeros, ...groups(tail)].map((group) => group.padStart(4, '0')).join('');
}

const broadcast = 'ff:ff:ff:ff:ff:ff';
const allNodes = '33:33:00:00:00:01';

const ether = (from: string, type: string, payload: string, to = broadcast): string =>
  `${mac(to)}${mac(from)}${type}${payload}`;

interface Arp {
  from: string;
  operation: 1 | 2;
  senderMac: string;
  sender: string;
  target: string;
  mark: string;
}
/** The mark follows as padding. */
export const arp = ({ from, operation, senderMac, sender, target, mark }: Arp): string =>
  ether(
    from,
    '0806',
    `000108000604000${operation}${mac(senderMac)}${ipv4(sender)}${'00'.repeat(6)}${ipv4(target)}${text(mark)}`,
  );

/** What QEMU sends for a guest that has moved. */
export const rarp = (from: string, mark: string): string =>
  ether(
    from,
    '8035',
    `0001080006040003${mac(from)}${'00'.repeat(4)}${mac(from)}${'00'.repeat(4)}${text(mark)}`,
  );

interface Datagram {
  from: string;
  source: string;
  destination: string;
  ports: readonly [number, number];
  payload?: string;
  mark: string;
}
const udp = ([source, destination]: readonly [number, number], payload: string): string =>
  `${hex(source, 2)}${hex(destination, 2)}${hex(8 + payload.length / 2, 2)}0000${payload}`;

export function udp4({ from, source, destination, ports, payload = '', mark }: Datagram): string {
  const body = udp(ports, payload + text(mark));
  const [start, end] = [`4500${hex(20 + body.length / 2, 2)}000000004011`, ipv4(source) + ipv4(destination)];
  return ether(from, '0800', `${start}${checksum(start + end)}${end}${body}`);
}

/** RFC 1071, of a header in hex. */
function checksum(header: string): string {
  const words = header.match(/.{4}/g) ?? [];
  const sum = words.reduce((total, word) => total + Number.parseInt(word, 16), 0);
  return hex(0xffff - ((sum % 0x10000) + Math.floor(sum / 0x10000)), 2);
}

/** BOOTP up to the client's MAC and the sixteen bytes that it has. */
export const bootp = (operation: 1 | 2, client: string): string =>
  `0${operation}010600${'00'.repeat(24)}${mac(client)}${'00'.repeat(10)}`;

/** Destination options that say nothing but the mark (12 bytes at most), as a header of its own: RFC 8200, 4.6 and 4.2. */
const options = (next: string, mark: string): string => `${next}01010c${text(mark).padEnd(24, '0')}`;

/** The first of several fragments. @param body of full 8 bytes */
const firstFragment = (next: string, body: string): string => `${next}000001${'0badcafe'}${body}`;

export interface Fragment {
  from: string;
  source: string;
  mark: string;
}
/** @param next what is said to follow in the second fragment, where nobody looks: `3a` ICMPv6, `11` UDP */
export const hiddenInFragments = ({ from, source, mark }: Fragment, next: string): string =>
  ether(from, '86dd', ipv6Packet('2c', source, firstFragment('3c', options(next, mark))), allNodes);

/** The first 8 bytes of an ICMPv6 message in a first fragment. */
export const icmp6Fragment = ({ from, source, mark }: Fragment, type: number): string =>
  ether(
    from,
    '86dd',
    ipv6Packet('3c', source, options('2c', mark) + firstFragment('3a', `${hex(type, 1)}00000060000000`)),
    allNodes,
  );

export const udp6Fragment = ({ from, source, mark }: Fragment): string =>
  ether(
    from,
    '86dd',
    ipv6Packet('3c', source, options('2c', mark) + firstFragment('11', '0009000905000000')),
    allNodes,
  );

/** A later fragment of a datagram: nothing in it says what it is. */
export const laterFragment = ({ from, source, mark }: Fragment): string =>
  ether(from, '86dd', ipv6Packet('2c', source, `110000080badcafe${text(mark)}`), allNodes);

const ipv6Packet = (next: string, source: string, body: string): string =>
  `60000000${hex(body.length / 2, 2)}${next}ff${ipv6(source)}${ipv6('ff02::1')}${body}`;

export const udp6 = ({ from, source, ports, mark }: Omit<Datagram, 'destination'>): string =>
  ether(from, '86dd', ipv6Packet('11', source, udp(ports, text(mark))), allNodes);

/** @param body what follows type, code and checksum */
export const icmp6 = (from: string, source: string, type: number, body: string, mark: string): string =>
  ether(from, '86dd', ipv6Packet('3a', source, `${hex(type, 1)}000000${body}${text(mark)}`), allNodes);

/** 802.1Q, VLAN 5. */
export const tagged = (frame: string): string => `${frame.slice(0, 24)}81000005${frame.slice(24)}`;

/** 802.3 with LLC, as spanning tree uses it. */
export const llc = (from: string, mark: string): string => {
  const body = `424203${text(mark)}`;
  return ether(from, hex(body.length / 2, 2), body);
};
export const pppoe = (from: string, mark: string): string => ether(from, '8863', `11070000${text(mark)}`);

/** Sends frames, in hex, out of eth0. For perl, which is in every Debian. */
export const sender = `
  open(my $f, '<', '/sys/class/net/eth0/ifindex') or die $!; my $index = <$f>;
  socket(my $s, 17, 3, unpack('S', pack('n', 3))) or die $!;
  bind($s, pack('S n i S C C a8', 17, 3, $index, 0, 0, 0, '')) or die $!;
  for (@ARGV) { send($s, pack('H*', $_), 0) or die $!; select(undef, undef, undef, 0.02); }
`;

/** Prints every frame that an interface sees, in hex, up to the one that holds the last argument. Its first line: ready. */
export const sniffer = `
  $| = 1; my ($name, $end) = @ARGV; alarm 20;
  open(my $f, '<', "/sys/class/net/$name/ifindex") or die $!; my $index = <$f>;
  socket(my $s, 17, 3, unpack('S', pack('n', 3))) or die $!;
  bind($s, pack('S n i S C C a8', 17, 3, $index, 0, 0, 0, '')) or die $!;
  print "ready\\n";
  while (defined recv($s, my $frame, 65536, 0)) { print unpack('H*', $frame), "\\n"; last if index($frame, $end) >= 0 }
`;
