/** Addresses of a network that are never handed out: more of them, or fewer. Who has one keeps it. Pure. */
import { err, type NetworkSpec } from '@gantry/model';
import { ipv6ToNumber, numberToIpv6 } from '../addresses6.ts';

interface Changes {
  reserve?: readonly string[] | undefined;
  release?: readonly string[] | undefined;
}

/**
 * Each goes to the subnet of its family. Reserving what is reserved changes nothing.
 * @throws GantryError `invalid_argument` for one to release that is not reserved, or of a family without a subnet
 */
export function withReservations(spec: NetworkSpec, { reserve = [], release = [] }: Changes): NetworkSpec {
  const both = reserve.map(canonical).find((address) => release.map(canonical).includes(address));
  if (both)
    throw err('invalid_argument', { what: `${both}, both reserved and released,`, wanted: 'one of these' });
  const [four, six] = [ofFamily(false), ofFamily(true)];
  const asked = { reserve, release };
  return {
    ...spec,
    ...changed('subnet', spec.subnet, four(asked)),
    ...changed('subnet6', spec.subnet6, six(asked)),
  };
}

const canonical = (address: string): string =>
  address.includes(':') ? numberToIpv6(ipv6ToNumber(address)) : address;

const ofFamily =
  (six: boolean) =>
  ({ reserve, release }: Required<Changes>) => {
    const mine = (list: readonly string[] = []) =>
      list.filter((address) => address.includes(':') === six).map(canonical);
    return { reserve: mine(reserve), release: mine(release) };
  };

type Lists = Record<'reserve' | 'release', string[]>;

function changed<K extends 'subnet' | 'subnet6'>(
  key: K,
  subnet: NetworkSpec[K],
  { reserve, release }: Lists,
): { [P in K]?: NetworkSpec[K] } {
  if (reserve.length + release.length === 0) return {};
  const [first] = [...reserve, ...release];
  if (!subnet)
    throw err('invalid_argument', { what: `address ${first}`, wanted: 'of a subnet that the network has' });
  const before = (subnet.reserved ?? []).map(canonical);
  const stranger = release.find((address) => !before.includes(address));
  if (stranger)
    throw err('invalid_argument', {
      what: `${stranger}, to be released,`,
      wanted: `one of those that are reserved: ${before.join(', ') || 'none'}`,
    });
  const reserved = [...new Set([...before, ...reserve])].filter((address) => !release.includes(address));
  const { reserved: _, ...rest } = subnet;
  return { [key]: { ...rest, ...(reserved.length > 0 ? { reserved } : {}) } } as {
    [P in K]?: NetworkSpec[K];
  };
}
