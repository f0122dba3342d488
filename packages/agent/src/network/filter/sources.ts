/** Which sources a NIC may use: its own, and those it was allowed. Total: what is no source allows nothing. */
import { BlockList } from 'node:net';
import { tapName } from '@gantry/guest';
import { AllowedSource, type GuestNic, type GuestSpec, matches, type NicFilterMode } from '@gantry/model';

/** What may leave one tap. */
export interface TapFilter {
  tap: string;
  mode: NicFilterMode;
  macs: string[];
  /** Addresses and subnets without one inside another: an anonymous set of nftables takes no overlaps. */
  ipv4: string[];
  ipv6: string[];
}

/** The filters of a guest: one for each NIC. One that is `off` has a chain too: a tap without one lets nothing out. */
export interface GuestFilter {
  instance: string;
  taps: TapFilter[];
}

export const guestFilter = ({ instance, input }: GuestSpec): GuestFilter => ({
  instance,
  taps: input.nics.map((nic, index) => tapFilter(nic, modeOf(nic), tapName(instance, nic.slot ?? index))),
});

const modeOf = ({ filter, ipv4, ipv6 }: GuestNic): NicFilterMode =>
  filter ?? ((ipv4 ?? ipv6) ? 'bound' : 'unbound');

function tapFilter(nic: GuestNic, mode: TapFilter['mode'], tap: string): TapFilter {
  const allowed = (nic.allow ?? []).filter((source) => matches(AllowedSource, source));
  const macs = distinct([nic.mac, ...allowed.filter(isMac)]);
  const addresses = allowed.filter((source) => !isMac(source));
  const own4 = nic.ipv4 ? [nic.ipv4] : [];
  const own6 = [...macs.map(linkLocalOf), ...(nic.ipv6 ? [nic.ipv6] : [])];
  return {
    tap,
    mode,
    macs,
    ipv4: withoutOverlaps([...own4, ...addresses.filter((a) => !a.includes(':'))], 'ipv4'),
    ipv6: withoutOverlaps([...own6, ...addresses.filter((a) => a.includes(':'))], 'ipv6'),
  };
}

const isMac = (source: string): boolean => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(source);
const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** The address that a guest makes of its MAC (RFC 4291, appendix A): the only link-local one that can be known before. */
export function linkLocalOf(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const group = (high: number, low: number): string => (high * 256 + low).toString(16);
  return `fe80::${group(a ^ 2, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

/** Wide ones first; one that lies in what is there already adds nothing. */
function withoutOverlaps(sources: readonly string[], family: 'ipv4' | 'ipv6'): string[] {
  const whole = family === 'ipv4' ? 32 : 128;
  const parsed = distinct(sources).map((source) => {
    const [address = '', length] = source.split('/');
    return { source, address, prefix: length === undefined ? whole : Number(length) };
  });
  const covered = new BlockList();
  return parsed
    .toSorted((a, b) => a.prefix - b.prefix)
    .flatMap(({ source, address, prefix }) => {
      if (covered.check(address, family)) return [];
      covered.addSubnet(address, prefix, family);
      return [source];
    });
}
