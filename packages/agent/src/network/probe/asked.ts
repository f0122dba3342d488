/** What of a guest is to be asked for before it uses it. Pure. */
import type { GuestSpec } from '@gantry/model';

/** By bridge: the addresses of the NICs that are to be asked for. */
export function askedOf({
  input,
  probe = [],
  plug,
}: Pick<GuestSpec, 'input' | 'probe' | 'plug'>): Map<string, string[]> {
  const asked = new Map<string, string[]>();
  for (const { bridge, mac, ipv4, ipv6 } of input.nics) {
    const own = [ipv4, ipv6].filter((address) => address !== undefined);
    const plugged = plug?.mac === mac ? (plug.probe ?? []) : [];
    const addresses = own.filter((address) => probe.includes(mac) || plugged.includes(address));
    if (addresses.length > 0) asked.set(bridge, [...(asked.get(bridge) ?? []), ...addresses]);
  }
  return asked;
}
