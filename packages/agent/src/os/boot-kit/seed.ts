/** NoCloud seed for images with cloud-init: an ISO with the label `cidata`. Source: cloud-init, NoCloud data source. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestNic, GuestSpec } from '@gantry/model';
import { run } from '../../process/run.ts';
import { hostnameOf } from './identity.ts';

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
  const { ipv4, prefix, gateway, dns, mtu } = nic;
  const address =
    ipv4 === undefined
      ? { dhcp4: nic.dhcp }
      : {
          addresses: [`${ipv4}/${prefix ?? 32}`],
          ...(gateway ? { routes: [{ to: '0.0.0.0/0', via: gateway }] } : {}),
          ...(dns ? { nameservers: { addresses: dns } } : {}),
        };
  const match = { match: { macaddress: nic.mac }, 'set-name': name };
  return { ...match, ...address, ...(mtu === undefined ? {} : { mtu }) };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const seedPath = (dir: string): string => join(dir, 'seed.iso');

/** Writes it anew and whole. */
export async function writeSeed(spec: GuestSpec, dir: string, signal: AbortSignal): Promise<string> {
  const path = seedPath(dir);
  const files = Object.entries(seedFiles(spec)).map(([name, content]) => ({
    path: join(dir, name),
    content,
  }));
  try {
    for (const file of files) await writeFile(file.path, file.content, { mode: 0o600 });
    const options = ['-quiet', '-joliet', '-rock', '-volid', 'cidata', '-output', `${path}.partial`];
    await run(['genisoimage', ...options, ...files.map((file) => file.path)], { signal });
    await rename(`${path}.partial`, path);
    return path;
  } finally {
    for (const file of files) await rm(file.path, { force: true });
  }
}
