/**
 * Asks on a bridge whether somebody else has addresses that a guest is about to use. By a raw packet socket, because the
 * node has no address of its own in the networks of guests, and the kernel would ask in the name of another one. Node.js
 * has no such socket: a few lines of perl do it (perl-base is in every Debian).
 */
import { err, type GuestSpec } from '@gantry/model';
import { ProcessError, type Run, run as runProgram } from '../../process/run.ts';
import { type Link, links, portsOf } from '../links.ts';
import { askedOf } from './asked.ts';
import { type Holder, holderIn, question } from './frames.ts';

/** Kernels answer within a millisecond or a few: lost frames, not slow hosts, are why it is asked again. */
const TIMES = 3;
const GAP_SECONDS = 0.04;
/** All that has come while it could not run, between two looks at its time: an answer may stand behind much else. */
const MANY_FRAMES = 1000;
/** A raw socket on a machine with much to do. */
const LIMIT_MS = 5000;

/**
 * Sends the frames (hex), so many times, so many seconds apart, and prints what ARP and IPv6 comes meanwhile.
 * 17 AF_PACKET, 3 SOCK_RAW, 0x8933 SIOCGIFINDEX: the index that /sys tells may be another namespace's. 0x40 MSG_DONTWAIT.
 */
const RAW_SOCKET = `
  my ($name, $times, $gap, $many, @frames) = @ARGV;
  sub opened {
    my ($type) = @_;
    socket(my $socket, 17, 3, unpack('S', pack('n', $type))) or die "raw socket: $!\\n";
    my $request = pack('a16x24', $name);
    ioctl($socket, 0x8933, $request) or die "$name: $!\\n";
    bind($socket, pack('SniSCCa8', 17, $type, unpack('x16i', $request), 0, 0, 0, '')) or die "$name: $!\\n";
    return $socket;
  }
  my %sockets = map { $_ => opened(hex) } '0806', '86dd';
  for (1 .. $times) {
    for (@frames) { defined send($sockets{substr($_, 24, 4)}, pack('H*', $_), 0) or die "$name: $!\\n" }
    for (my $left = $gap; $left > 0;) {
      my $ready = '';
      vec($ready, fileno $_, 1) = 1 for values %sockets;
      (my $count, $left) = select($ready, undef, undef, $left);
      last if $count < 1;
      for (grep { vec($ready, fileno $_, 1) } values %sockets) {
        for my $nth (1 .. $many) {
          defined recv($_, $frame, 2048, 0x40) or last;
          print unpack('H*', $frame), "\\n";
        }
      }
    }
  }
`;

export interface AddressProbe {
  /** @throws GantryError `address_answered` where somebody has one, `host_unfit` */
  probe(spec: GuestSpec, signal?: AbortSignal): Promise<void>;
}

export function addressProbe(run: Run = runProgram): AddressProbe {
  return {
    async probe(spec, signal) {
      const all = await links(run);
      const guests = spec.input.nics.map(({ mac }) => mac);
      await Promise.all(
        [...askedOf(spec)].map(([bridge, addresses]) => probeBridge(all.get(bridge), bridge, addresses)),
      );

      async function probeBridge(link: Link | undefined, bridge: string, addresses: string[]): Promise<void> {
        if (!link) throw unfit(`there is no bridge ${bridge}`);
        const holder =
          ownHolder(link, addresses) ?? (await otherHolder(link, addresses, { all, guests, run, signal }));
        if (holder) throw err('address_answered', { address: holder.address, holder: holder.mac, bridge });
      }
    },
  };
}

/** The node itself does not hear its own question. */
function ownHolder(link: Link, addresses: readonly string[]): Holder | undefined {
  const own = [...link.ipv4, ...(link.ipv6 ?? [])].map((cidr) => cidr.split('/')[0]);
  const address = addresses.find((each) => own.includes(each));
  return address === undefined ? undefined : { address, mac: `${link.mac} of the node` };
}

interface Asker {
  all: ReadonlyMap<string, Link>;
  /** MACs of the guest that is to have the addresses. */
  guests: readonly string[];
  run: Run;
  signal: AbortSignal | undefined;
}

async function otherHolder(
  link: Link,
  addresses: readonly string[],
  { all, guests, run, signal }: Asker,
): Promise<Holder | undefined> {
  if (portsOf(all, link.name).length === 0) return undefined;
  const frames = addresses.map((address) => question(link.mac, address).toString('hex'));
  let holder: Holder | undefined;
  const onOutput = (line: string, stream: 'stdout' | 'stderr') => {
    if (stream === 'stdout') holder ??= holderIn(Buffer.from(line, 'hex'), addresses, [link.mac, ...guests]);
  };
  const options = { timeoutMs: LIMIT_MS, keepBytes: 4096, onOutput, ...(signal ? { signal } : {}) };
  await run(
    ['perl', '-e', RAW_SOCKET, link.name, `${TIMES}`, `${GAP_SECONDS}`, `${MANY_FRAMES}`, ...frames],
    options,
  ).catch((cause: unknown) => {
    throw cause instanceof ProcessError && cause.reason !== 'aborted' ? unfit(cause.message, cause) : cause;
  });
  return holder;
}

const unfit = (why: string, cause?: unknown) =>
  err(
    'host_unfit',
    {
      why: `its networks cannot be asked who has an address: ${why}`,
      remedy: 'Make the bridge ready, or do not ask: `--no-address-check`.',
    },
    cause,
  );
