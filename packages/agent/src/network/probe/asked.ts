/** What of a guest is to be asked for before it uses it. Pure. */
import type { GuestSpec } from '@gantry/model';

/** By bridge: the addresses of the NICs that are to be asked for. */
export function askedOf({ input, probe = [] }: Pick<GuestSpec, 'input' | 'probe'>): Map<string, string[]> {
  const asked = new Map<string, string[]>();
  for (const { bridge, mac, ipv4, ipv6 } of input.nics) {
    const addresses = probe.includes(mac) ? [ipv4, ipv6].filter((address) => address !== undefined) : [];
    if (addresses.length > 0) asked.set(bridge, [...(asked.get(bridge) ?? []), ...addresses]);
  }
  return asked;
}
