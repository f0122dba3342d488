/** The first commit of a cluster: itself, its group and project, its first node and user, what one needs for a first guest. */
import {
  type Boot,
  err,
  type GroupId,
  Name,
  type NetworkSpec,
  type NodeId,
  type OsSource,
  type Token,
  type UserId,
  validate,
  version,
} from '@gantry/model';
import { hashSecret, newSecret } from './api/caller.ts';
import type { Env } from './env.ts';
import type { Kind, Resource } from './kinds.ts';
import { completeNetwork } from './networks/check-network.ts';
import { nameSpace, newObject } from './objects.ts';
import { Draft } from './store/batch.ts';
import type { Store } from './store/store.ts';

export interface ClusterOptions {
  name: string;
  /** Name of the first node. */
  node: string;
  /** Left out: no network is made. */
  network?: NetworkSpec & { name?: string };
  /** Left out: `debian/12` by the built-in provider, booting the node's kernel for guests. */
  image?: { name: string; os: OsSource; boot: Boot };
  macPrefix?: string;
}

export interface Initialized {
  cluster: string;
  node: string;
  /** Shown once: the store keeps their hashes. */
  adminToken: string;
  agentToken: string;
}

const GIB = 1024;

/** vCPUs, memory and disk in MiB. */
const flavors: Record<string, { vcpus: number; memoryMiB: number; diskMiB: number }> = {
  tiny: { vcpus: 1, memoryMiB: 256, diskMiB: 4 * GIB },
  small: { vcpus: 1, memoryMiB: 512, diskMiB: 8 * GIB },
  medium: { vcpus: 2, memoryMiB: 2 * GIB, diskMiB: 20 * GIB },
  large: { vcpus: 4, memoryMiB: 8 * GIB, diskMiB: 40 * GIB },
};

const debian12: NonNullable<ClusterOptions['image']> = {
  name: 'debian/12',
  os: { provider: 'debootstrap', variant: 'bookworm' },
  boot: { kernel: 'node', initrd: 'node', root: '/dev/vda' },
};

/** @throws GantryError `name_taken` when the store has a cluster already */
export async function initCluster(store: Store, env: Env, options: ClusterOptions): Promise<Initialized> {
  const present = (await store.list('cluster')).items[0];
  if (present) throw err('name_taken', { kind: 'cluster', name: present.name });
  const draft = new Draft(env.clock.now());
  const add = <K extends Kind>(kind: K, fields: Parameters<typeof newObject<K>>[2]) => {
    const object = newObject(env, kind, fields);
    draft.take(nameSpace(kind), object.name, object.id).add(object as Resource);
    return object;
  };
  const { macPrefix } = options;
  const ownId = env.uuid();
  const cluster = add('cluster', {
    name: validate(Name, options.name),
    spec: macPrefix ? { macPrefix } : {},
    status: { incarnation: store.incarnation, version, node: ownId },
  });
  add('project', { name: 'default', spec: {}, status: {} });
  const group = add('group', { name: 'default', spec: {}, status: {} });
  const node = add('node', {
    name: validate(Name, options.node),
    id: ownId as NodeId,
    spec: { group: group.id as GroupId, role: 'active' },
    status: { state: 'joining', conditions: [] },
  });
  for (const [name, spec] of Object.entries(flavors)) add('flavor', { name, spec, status: {} });
  const { name: imageName, os, boot } = options.image ?? debian12;
  add('image', { name: imageName, spec: { source: 'os', os, boot }, status: { state: 'ready' } });
  if (options.network) {
    const { name = 'default', ...spec } = options.network;
    add('network', { name, spec: completeNetwork(spec), status: {} });
  }
  const person = add('user', { name: 'admin', spec: { role: 'admin' }, status: {} });
  const user = person.id as UserId;
  const admin = addToken(env, draft, 'admin', { role: 'admin', user });
  const agent = addToken(env, draft, `agent-${node.name}`.slice(0, 63), { role: 'agent', node: node.id });
  await store.commit(draft.batch);
  return { cluster: cluster.id, node: node.id, adminToken: admin, agentToken: agent };
}

function addToken(env: Env, draft: Draft, name: string, spec: Token['spec']): string {
  const token = newObject(env, 'token', { name, spec, status: {} });
  const secret = newSecret(env);
  draft.take(nameSpace('token', spec.user), name, token.id).add(token);
  draft.batch.secrets.push({ token: token.id, hash: hashSecret(secret) });
  return secret;
}
