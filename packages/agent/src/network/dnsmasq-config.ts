/** What dnsmasq is told. Pure. */
import type { NatNetwork } from './wanted.ts';

const DEFAULT_MTU = 1500;

/**
 * DHCP alone, for known MACs alone, on the bridge alone.
 * No lease file: who gets what is written in the hosts file, so dnsmasq has nothing to remember; with one, an address
 * that went from a deleted guest to a new one would be refused until the old lease ran out.
 */
export function dnsmasqConfig({ bridge, net, gateway, dns, mtu }: NatNetwork): string {
  const lines = [
    '# Written by gantry; changes are lost.',
    'user=nobody',
    `interface=${bridge}`,
    'except-interface=lo',
    'bind-dynamic',
    'port=0',
    'no-hosts',
    'no-resolv',
    'no-ping',
    'leasefile-ro',
    'quiet-dhcp',
    'dhcp-authoritative',
    'dhcp-ignore=tag:!known',
    // Initramfs and guest of one machine send different client ids, clones of one image the same.
    'dhcp-ignore-clid',
    'dhcp-lease-max=65536',
    `dhcp-range=${net.network},static,${net.netmask},12h`,
    `dhcp-option=option:router,${gateway}`,
    ...(dns.length > 0 ? [`dhcp-option=option:dns-server,${dns.join(',')}`] : []),
    ...(mtu === DEFAULT_MTU ? [] : [`dhcp-option=option:mtu,${mtu}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Whether nobody loses a lease by the change: then reading the file again is enough, else dnsmasq must forget. */
export function onlyAdds(before: string, after: string): boolean {
  const kept = new Set(after.split('\n'));
  return before.split('\n').every((line) => kept.has(line));
}
