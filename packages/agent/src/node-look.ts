/** The node as it is found when somebody asks, for `cluster verify`: looked at, not remembered. */
import { X509Certificate } from 'node:crypto';
import { type NodeLook, version } from '@gantry/model';
import type { Env, Host } from './env.ts';
import { isAlive } from './guests/libvirt-names.ts';
import { readSystem } from './host/system.ts';
import type { IdentityFiles } from './identity/identity-files.ts';
import { wholeTaps } from './network/filter/filters.ts';
import type { Observation } from './observation.ts';
import { lacking } from './storage/lacking.ts';
import type { StoragePlace } from './storage/place.ts';

export interface LookParts {
  env: Pick<Env, 'clock'>;
  host: Pick<Host, 'observe' | 'gauges'>;
  files: Pick<IdentityFiles, 'current'>;
  place: Pick<StoragePlace, 'fault'>;
}

export async function lookAtNode({ env, host, files, place }: LookParts): Promise<NodeLook> {
  const [seen, { storage = [] }, fault, identity, system] = await Promise.all([
    host.observe(true),
    host.gauges(),
    place.fault(),
    files.current(),
    readSystem(),
  ]);
  return {
    at: new Date(env.clock.now()).toISOString(),
    agentVersion: version,
    libvirt: seen.libvirt,
    domains: seen.domains.map(domainOf),
    disks: await disksOf(seen),
    bases: seen.bases,
    storages: storage.map((one) => ({ ...one, ...(fault === undefined ? {} : { fault }) })),
    networks: seen.networks.map(networkOf),
    filters: seen.filters.map(({ instance }) => instance),
    taps: seen.filters.flatMap(({ text }) => wholeTaps(text)),
    certificates: identity
      ? [
          { what: 'the agent’s certificate', until: endOf(identity.agent.cert) },
          { what: 'the certificate for libvirt and QEMU', until: endOf(identity.host.cert) },
        ]
      : [],
    ...(system ? { system } : {}),
  };
}

const domainOf = ({ uuid, name, state, ours }: Observation['domains'][number]) => ({
  ...{ uuid, name, alive: isAlive(state) },
  ...(ours ? { ours } : {}),
});

async function disksOf({ disks }: Observation): Promise<NodeLook['disks']> {
  const lacks = await lacking(disks);
  return disks.map(({ disk, state, path, operation }) => {
    const base = lacks.get(disk);
    return { disk, state, path, ...(operation ? { operation } : {}), ...(base ? { lacks: base } : {}) };
  });
}

const networkOf = ({ network, bridge, ready, why, ports }: Observation['networks'][number]) => ({
  ...{ network, bridge, ready },
  ...(why ? { why } : {}),
  ...(ports ? { ports } : {}),
});

const endOf = (pem: string): string => new X509Certificate(pem).validToDate.toISOString();
