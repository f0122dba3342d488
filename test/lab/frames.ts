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

export interface Fragmented {
  from: string;
  source: string;
  mark: string;
}

/**
 * Two frames, divided by a space: both fragments of a datagram, since bridges that look into connections put them together
 * before they pass them on. The mark stands in options before the first one.
 * @param next the header that the first begins with @param first of full 8 bytes
 */
function inTwo({ from, source, mark }: Fragmented, next: string, first: string, second: string): string {
  const [start, end] = [fragment(next, mark, 0, first), fragment(next, mark, first.length / 2, second)];
  const frame = (header: string, body: string) =>
    ether(from, '86dd', ipv6Packet(header, source, body), allNodes);
  return `${frame('3c', options('2c', mark) + start)} ${frame('2c', end)}`;
}

/** The first one, or the last; each mark has datagrams of its own. */
const fragment = (next: string, mark: string, place: number, body: string): string =>
  `${next}00${hex(place || 1, 2)}${text(mark).slice(-8)}${body}`;

const routerAdvertisement = `86000000${'4000070800000000'.repeat(2)}`;

/** Behind options as long as the first fragment, where no one looks for it. */
export const hiddenAdvertisement = (self: Fragmented): string =>
  inTwo(self, '3c', options('3a', ''), routerAdvertisement);
export const hiddenDhcp = (self: Fragmented): string =>
  inTwo(self, '3c', options('11', ''), udp([547, 546], '00'.repeat(8)));

export const cutAdvertisement = (self: Fragmented): string =>
  inTwo(self, '3a', routerAdvertisement.slice(0, 16), routerAdvertisement.slice(16));

/** Without the address that it is about, which follows. */
export const cutNeighbour = (self: Fragmented, target: string): string =>
  inTwo(self, '3a', '8800000060000000', ipv6(target));

export const longPing = (self: Fragmented): string => inTwo(self, '3a', '8000000000010001', '00'.repeat(64));

export const longDatagram = (self: Fragmented): string => {
  const body = udp([9, 9], '00'.repeat(64));
  return inTwo(self, '11', body.slice(0, 16), body.slice(16));
};

/** The same, with the mark where nothing says what it is. */
export const longDatagramsEnd = ({ from, source, mark }: Fragmented): string => {
  const body = udp([9, 9], text(mark).padEnd(64, '0'));
  const parts = [fragment('11', mark, 0, body.slice(0, 16)), fragment('11', mark, 8, body.slice(16))];
  return parts.map((part) => ether(from, '86dd', ipv6Packet('2c', source, part), allNodes)).join(' ');
};

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
  $| = 1; my ($name, $end) = @ARGV; alarm 600;
  open(my $f, '<', "/sys/class/net/$name/ifindex") or die $!; my $index = <$f>;
  socket(my $s, 17, 3, unpack('S', pack('n', 3))) or die $!;
  bind($s, pack('S n i S C C a8', 17, 3, $index, 0, 0, 0, '')) or die $!;
  print "ready\\n";
  while (defined recv($s, my $frame, 65536, 0)) { print unpack('H*', $frame), "\\n"; last if index($frame, $end) >= 0 }
`;
