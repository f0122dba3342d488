/** One canonical text for a set of DHCP leases: what dnsmasq is given, and how two sets are compared. */
import type { NetworkEnsure } from './actions.ts';

/** `MAC,ADDRESS,HOSTNAME` lines in order of MAC: dnsmasq's own form of a dhcp-host. */
export const leasesText = (leases: NetworkEnsure['leases']): string =>
  leases
    .map((lease) => `${lease.mac},${lease.ipv4},${lease.hostname}\n`)
    .sort()
    .join('');
