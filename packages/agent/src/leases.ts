/** One canonical text for a set of DHCP leases: what dnsmasq is given, and how two sets are compared. */
import type { NetworkEnsure } from './actions.ts';

/** `MAC,ADDRESS,HOSTNAME` lines in order of MAC: dnsmasq's own form of a dhcp-host. */
export const leasesText = (leases: NetworkEnsure['leases']): string =>
  leases
    .map(({ mac, ipv4, hostname }) => `${[mac, ipv4, ...(isMisread(hostname) ? [] : [hostname])].join()}\n`)
    .sort()
    .join('');

/**
 * dnsmasq tells the parts of a line by their look: it would take such a host name for an address (another guest's), for how
 * long the lease holds, or for an order to answer nobody. That guest is told none by DHCP. Source: `one_opt` of its option.c.
 */
const isMisread = (hostname: string): boolean => /^([0-9.]+|[0-9]+[wdhms]|ignore|infinite)$/.test(hostname);
