/** NoCloud seed for images with cloud-init: an ISO with the label `cidata`. Source: cloud-init, NoCloud data source. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestNic, GuestSpec } from '@gantry/model';
import { run } from '../../process/run.ts';
import { hearsRouters, hostnameOf } from './identity.ts';

/** All three are JSON, which is YAML: nothing needs quoting by hand. */
export function seedFiles(spec: GuestSpec): Record<'meta-data' | 'user-data' | 'network-config', string> {
  const hostname = hostnameOf(spec);
  const { nics, personality } = spec.input;
  return {
    'meta-data': json({
      'instance-id': spec.instance,
      'local-hostname': hostname,
      ...(personality.sshKeys ? { 'public-keys': personality.sshKeys } : {}),
    }),
    'user-data': personality.userData ?? '#cloud-config\n{}\n',
    'network-config': json({
      version: 2,
      ethernets: Object.fromEntries(nics.map((nic, index) => [`eth${index}`, ethernet(nic, `eth${index}`)])),
    }),
  };
}

/**
 * Renamed to the name it has in guests of the built-in provider. Netplan and NetworkManager would find a NIC by its MAC,
 * but cloud-init's renderers for ifupdown and networkd write down the name, so it must be the one that the NIC has.
 */
function ethernet(nic: GuestNic, name: string): Record<string, unknown> {
  const { ipv4, prefix, gateway, ipv6, prefix6, gateway6, mtu } = nic;
  const addresses = [
    ...(ipv4 === undefined ? [] : [`${ipv4}/${prefix ?? 32}`]),
    ...(ipv6 === undefined ? [] : [`${ipv6}/${prefix6 ?? 128}`]),
  ];
  const routes = [
    ...(ipv4 !== undefined && gateway ? [{ to: '0.0.0.0/0', via: gateway }] : []),
    ...(ipv6 !== undefined && gateway6 ? [{ to: '::/0', via: gateway6 }] : []),
  ];
  const servers = nameServers(nic);
  return {
    match: { macaddress: nic.mac },
    'set-name': name,
    ...(ipv4 === undefined ? { dhcp4: nic.dhcp } : {}),
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(routes.length > 0 ? { routes } : {}),
    ...(hearsRouters(nic) ? {} : { 'accept-ra': false }),
    ...(servers.length > 0 ? { nameservers: { addresses: servers } } : {}),
    ...(mtu === undefined ? {} : { mtu }),
  };
}

/** Told with the address of their family. */
const nameServers = ({ ipv4, dns, ipv6, dns6 }: GuestNic): string[] => [
  ...(ipv4 === undefined ? [] : (dns ?? [])),
  ...(ipv6 === undefined ? [] : (dns6 ?? [])),
];

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const seedPath = (dir: string): string => join(dir, 'seed.iso');

/** A few kilobytes. */
const ISO_MS = 60_000;

/** Writes it anew and whole; it may have secrets in it, so only root and the guest's QEMU read it. */
export async function writeSeed(spec: GuestSpec, dir: string, signal: AbortSignal): Promise<string> {
  const path = seedPath(dir);
  const files = Object.entries(seedFiles(spec)).map(([name, content]) => ({
    path: join(dir, name),
    content,
  }));
  try {
    for (const file of files) await writeFile(file.path, file.content, { mode: 0o600 });
    // made before genisoimage does, which would let everybody on the node read what is in it
    await rm(`${path}.partial`, { force: true });
    await writeFile(`${path}.partial`, '', { mode: 0o600, flag: 'wx' });
    const options = ['-quiet', '-joliet', '-rock', '-volid', 'cidata', '-output', `${path}.partial`];
    await run(['genisoimage', ...options, ...files.map((file) => file.path)], {
      signal,
      timeoutMs: ISO_MS,
    });
    await rename(`${path}.partial`, path);
    return path;
  } finally {
    for (const file of files) await rm(file.path, { force: true });
  }
}
