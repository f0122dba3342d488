/** Making objects, and the claims that keep their names unique. */
import type { AnyId, Project } from '@gantry/model';
import { type Env, nowOf } from './env.ts';
import type { Kind, Kinds } from './kinds.ts';

interface NewObject<K extends Kind> {
  name: string;
  id?: string;
  project?: Project['id'] | undefined;
  labels?: Record<string, string> | undefined;
  spec: Kinds[K]['spec'];
  status: Kinds[K]['status'];
}

/** A first generation; the revision comes with the commit. */
export function newObject<K extends Kind>(env: Env, kind: K, fields: NewObject<K>): Kinds[K] {
  const { name, project, labels, spec, status } = fields;
  return {
    kind,
    id: (fields.id ?? env.uuid()) as AnyId,
    name,
    ...(project ? { project } : {}),
    ...(labels ? { labels } : {}),
    revision: '0.0',
    generation: 1,
    createdAt: nowOf(env),
    spec,
    status,
  } as unknown as Kinds[K];
}

/** Claim space of names: one per kind and project, one per kind for what belongs to no project. */
export const nameSpace = (kind: Kind, project?: string): string => `name:${kind}:${project ?? ''}`;
/** Claim space of the addresses of one network. */
export const addressSpace = (network: string): string => `ipv4:${network}`;
export const address6Space = (network: string): string => `ipv6:${network}`;
export const MAC_SPACE = 'mac';
/** Claim spaces of one node: CPUs that are one guest's alone, PCI devices given away. */
export const cpuSpace = (node: string): string => `cpu:${node}`;
export const pciSpace = (node: string): string => `pci:${node}`;

/** Claim space of disks that are not Gantry's: files by node, storage on the network once. */
export const diskSpace = (node: string, source: string): string =>
  source.startsWith('/') ? `disk:${node}` : 'disk';

/** Names of sequences. */
export const COUNTERS = { operation: 'operation', epoch: 'epoch' } as const;
