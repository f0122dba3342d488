/** The node as it is found when somebody asks, for `cluster verify`: looked at, not remembered. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type NodeLook, version } from '@gantry/model';
import type { Env, Host } from './env.ts';
import { isAlive } from './guests/libvirt-names.ts';
import type { IdentityFiles } from './identity/identity-files.ts';

export interface LookParts {
  env: Pick<Env, 'clock'>;
  host: Pick<Host, 'observe'>;
  files: Pick<IdentityFiles, 'current'>;
}

export async function lookAtNode({ env, host, files }: LookParts): Promise<NodeLook> {
  const [seen, identity, system] = await Promise.all([host.observe(), files.current(), osRelease()]);
  return {
    at: new Date(env.clock.now()).toISOString(),
    agentVersion: version,
    libvirt: seen.libvirt,
    domains: seen.domains.map(({ uuid, name, state, ours }) => ({
      uuid,
      name,
      alive: isAlive(state),
      ...(ours ? { ours } : {}),
    })),
    disks: seen.disks.map(({ disk, state, path, operation }) => ({
      disk,
      state,
      path,
      ...(operation ? { operation } : {}),
    })),
    bases: seen.bases.map(({ sha256, path }) => ({ sha256, path })),
    networks: seen.networks.map(({ network, bridge, ready, why }) => ({
      network,
      bridge,
      ready,
      ...(why ? { why } : {}),
    })),
    filters: seen.filters.map(({ instance }) => instance),
    certificates: identity
      ? [
          { what: 'the agent’s certificate', until: endOf(identity.agent.cert) },
          { what: 'the certificate for libvirt and QEMU', until: endOf(identity.host.cert) },
          { what: 'the authority’s certificate', until: endOf(identity.ca) },
        ]
      : [],
    ...(system ? { system } : {}),
  };
}

const endOf = (pem: string): string => new X509Certificate(pem).validToDate.toISOString();

/** https://www.freedesktop.org/software/systemd/man/os-release.html; undefined where there is none. */
async function osRelease(): Promise<NodeLook['system']> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return parseOsRelease(text);
}

export function parseOsRelease(text: string): NodeLook['system'] {
  const read = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]{1,64})`, 'm').exec(text)?.[1];
  const [id, release] = [read('ID'), read('VERSION_ID')];
  return id && release ? { id, version: release } : undefined;
}
