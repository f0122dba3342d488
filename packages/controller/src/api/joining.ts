/**
 * Machines become nodes: a node is added as a row with a join token, and the machine that shows the token gets
 * certificates, once. An agent's certificate is a token whose hash is the certificate's own: what ends the one ends the
 * other, streams included.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type ClusterId,
  err,
  type GroupId,
  isGantryError,
  JOIN_TTL_MS,
  type LeaveWith,
  type Node,
  type NodeCertificates,
  type NodeId,
  type SigningRequests,
  type Token,
} from '@gantry/model';
import { type Env, timestamp } from '../env.ts';
import { countMembers } from '../members.ts';
import { askNode } from '../node-calls.ts';
import { nameSpace, newObject } from '../objects.ts';
import { theCluster } from '../operations/guest-spec.ts';
import { relyOnNoNewOperation } from '../operations/new-operation.ts';
import type { Issued } from '../pki/certificate-authority.ts';
import { caSha256, type Remote, requireRemote } from '../remote.ts';
import { Draft, withSpec } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { type App, type Call, committed, type Handler, resolve } from './call.ts';
import { hashSecret, newSecret } from './caller.ts';
import { refOf } from './list.ts';
import { deleteNamed, requireUnused } from './named.ts';

const DAY_MS = 24 * 3_600_000;
/** Agents ask for new ones when two thirds are over. */
const CERTIFICATE_DAYS = 90;

/** Asked for again while no machine has joined it gives a new token, and the earlier one is void. */
export const addNode: Handler<'addNode'> = async (call) => {
  const { store, env } = call.app;
  const remote = requireRemote(call.app);
  const { name, group: groupRef = 'default', ttlMs = JOIN_TTL_MS } = call.body;
  const known = (await store.named('node', name))[0];
  if (known && !isAwaited(known)) throw err('name_taken', { kind: 'node', name });
  const group = await resolve(call, 'group', groupRef);
  const draft = new Draft(env.clock.now());
  const node = known ?? newNode(env, name, group.id as GroupId);
  if (known) draft.put(withSpec(known, { group: group.id as GroupId }));
  else draft.take(nameSpace('node'), name, node.id).add(node);
  await countMembers(store, draft.relyOn(group), group.id, 1);
  for (const token of await tokensOf(store, node.id, 'join')) draft.remove(token).release(token.id);
  const expiresAt = timestamp(env.clock.now() + ttlMs);
  const secret = newSecret(env);
  const token = newToken(env, `join-${name}`, { role: 'join', node: node.id, expiresAt });
  addToken(draft, token, hashSecret(secret));
  const written = await call.commit(draft, { subject: node, message: `expect node ${name}` });
  const body = {
    node: committed(written, node),
    secret,
    expiresAt,
    url: remote.url,
    caSha256: caSha256(remote),
  };
  return { status: 201, body };
};

/** No machine has ever spoken for it. */
const isAwaited = ({ spec, status }: Node): boolean =>
  status.state === 'joining' && spec.machine === undefined;

const newNode = (env: Env, name: string, group: GroupId): Node =>
  newObject(env, 'node', {
    name,
    spec: { group, role: 'active' },
    status: { state: 'joining', conditions: [] },
  });

export const joinNode: Handler<'joinNode'> = async (call) => {
  const { caller, body } = call;
  const { store, env } = call.app;
  const remote = requireRemote(call.app);
  const node = caller.node && (await store.get('node', caller.node));
  if (!node) throw err('join_refused', { node: body.name, why: 'the node was removed' });
  await requireOwnIdentity(store, node, body);
  const keys = await publicKeys(remote, body.requests);
  const key = digestOf(keys.agent);
  const { usedBy } = caller.token.spec;
  if (usedBy !== undefined && usedBy !== key)
    throw err('join_refused', { node: node.name, why: 'the join token was used already, by another key' });
  const issued = await issue(remote, node, keys, call.peer?.address);
  const draft = new Draft(env.clock.now()).put(withSpec(caller.token, { usedBy: key }));
  if (node.spec.machine !== body.machine) draft.put(withSpec(node, { machine: body.machine }));
  else draft.relyOn(node);
  // of an answer that got lost
  for (const token of await tokensOf(store, node.id, 'agent')) draft.remove(token).release(token.id);
  addCertificate(env, draft, node, issued.agent);
  await call.commit(draft, { subject: node, message: `join as node ${node.name}` });
  return { body: await answerOf(call.app, node, issued) };
};

/** @throws GantryError `join_refused` for a machine that is not the node it says, or is another one already */
async function requireOwnIdentity(
  store: Store,
  node: Node,
  { name, machine }: { name: string; machine: string },
): Promise<void> {
  const refused = (why: string) => err('join_refused', { node: name, why });
  if (name !== node.name) throw refused(`the join token is for node ${node.name}`);
  if (node.spec.machine !== undefined && node.spec.machine !== machine)
    throw refused('another machine has joined under this name');
  const { items } = await store.list('node');
  const twin = items.find(
    ({ id, spec, status }) => id !== node.id && (spec.machine ?? status.facts?.machine) === machine,
  );
  if (twin)
    throw refused(
      `this machine is node ${twin.name} already (same /etc/machine-id; a cloned system needs its own: ` +
        'rm /etc/machine-id && systemd-machine-id-setup)',
    );
}

/** For new keys; the certificate that was shown goes on until it ends, in case this answer gets lost. */
export const renewCertificates: Handler<'renewCertificates'> = async (call) => {
  const { caller, body } = call;
  const { store, env } = call.app;
  const remote = requireRemote(call.app);
  const node = caller.node && (await store.get('node', caller.node));
  if (!node) throw err('forbidden', { action: 'act for a node', why: 'its node does not exist (any more)' });
  const issued = await issue(remote, node, await publicKeys(remote, body.requests), call.peer?.address);
  const draft = new Draft(env.clock.now()).relyOn(node);
  for (const token of await tokensOf(store, node.id, 'agent'))
    if (token.spec.certificate && token.id !== caller.token.id) draft.remove(token).release(token.id);
  addCertificate(env, draft, node, issued.agent);
  await call.commit(draft, { subject: node, message: `renew the certificates of node ${node.name}` });
  return { body: await answerOf(call.app, node, issued) };
};

/** For libvirt and QEMU, which know nothing of tokens. */
export const getRevocations: Handler<'getRevocations'> = async ({ app }) => {
  const { authority } = requireRemote(app);
  const nodes = new Set((await app.store.list('node')).items.map(({ id }) => id as string));
  return { body: { crl: await authority.revocations(nodes) } };
};

interface Pair<T> {
  agent: T;
  host: T;
}

async function publicKeys({ authority }: Remote, { agent, host }: SigningRequests): Promise<Pair<string>> {
  return { agent: await authority.publicKey(agent), host: await authority.publicKey(host) };
}

async function issue(
  { authority, url }: Remote,
  node: Node,
  keys: Pair<string>,
  address: string | undefined,
): Promise<Pair<Issued>> {
  const days = CERTIFICATE_DAYS;
  // the controller's own node is reached as the controller is
  const names = [node.name, ...(address ? [address] : [new URL(url).hostname.replace(/[[\]]/g, '')])];
  const [dnsNames, addresses] = [names.filter((name) => !isIP(name)), names.filter((name) => isIP(name))];
  return {
    agent: await authority.issue(keys.agent, { use: 'agent', name: node.id, node: node.id, days }),
    host: await authority.issue(keys.host, {
      use: 'host',
      name: node.name,
      node: node.id,
      dnsNames,
      addresses,
      days,
    }),
  };
}

const digestOf = (publicKey: string): string => createHash('sha256').update(publicKey).digest('hex');

function addCertificate(env: Env, draft: Draft, node: Node, { fingerprint: hash }: Issued): void {
  const name = `agent-${node.name}-${Buffer.from(hash).toString('hex').slice(0, 8)}`.slice(-63);
  const expiresAt = timestamp(env.clock.now() + CERTIFICATE_DAYS * DAY_MS);
  addToken(draft, newToken(env, name, { role: 'agent', node: node.id, certificate: true, expiresAt }), hash);
}

const newToken = (env: Env, name: string, spec: Token['spec']): Token =>
  newObject(env, 'token', { name: name.slice(0, 63), spec, status: {} });

function addToken(draft: Draft, token: Token, hash: Uint8Array): void {
  draft.take(nameSpace('token'), token.name, token.id).add(token);
  draft.batch.secrets.push({ token: token.id, hash });
}

const tokensOf = async (store: Store, node: string, role: 'agent' | 'join'): Promise<Token[]> =>
  (await store.list('token')).items.filter(({ spec }) => spec.role === role && spec.node === node);

async function answerOf(
  { store, remote }: App,
  node: Node,
  { agent, host }: Pair<Issued>,
): Promise<NodeCertificates> {
  const cluster = (await theCluster(store)).id as ClusterId;
  const ca = remote?.authority.certificate ?? '';
  return { cluster, node: node.id as NodeId, ca, agent: agent.certificate, host: host.certificate };
}

/**
 * A node without guests and disks, drained or never joined. Its tokens and certificates are void at once; what it has of
 * networks and cached images it removes itself when it leaves.
 */
export const removeNode: Handler<'removeNode'> = async (call) => {
  const { store, env } = call.app;
  const node = await resolve(call, 'node', refOf(call));
  const draft = new Draft(env.clock.now());
  await relyOnNoNewOperation(store, draft);
  const own = { node: node.id };
  const replicas = (await store.list('replica', own)).items;
  const { leave = 'none', plan } = call.query;
  const disks = replicas.filter(({ spec }) => spec.what === 'disk' && leave === 'none');
  const users = [
    ...(await store.list('guest', own)).items,
    ...disks.map(({ name }) => ({ name: `disk ${name}` })),
  ];
  requireUnused(node, users);
  if ((await theCluster(store)).status.node === node.id)
    throw err('wrong_state', {
      kind: 'node',
      name: node.name,
      state: 'the controller’s own',
      action: 'remove it',
      permitted: 'Drained, it takes no guests; it goes with the cluster: `gantry cluster destroy`.',
    });
  if (node.spec.role === 'active' && !isAwaited(node))
    throw err('wrong_state', {
      kind: 'node',
      name: node.name,
      state: 'active',
      action: 'remove it',
      permitted: `Drain it first: \`gantry node drain ${node.name}\`.`,
    });
  const tokens = (await store.list('token')).items.filter(({ spec }) => spec.node === node.id);
  const attachments = (await store.list('attachment', own)).items;
  const acts = (await store.list('act', own)).items;
  for (const object of [...replicas, ...attachments, ...acts, ...tokens])
    draft.remove(object).release(object.id);
  // it is on the node's disk before the row goes: nothing would reach the node any more
  if (call.query.leave && !plan) await tellToLeave(call, node, leave);
  return deleteNamed(call, node, draft);
};

/** Its answer may have been lost, by which it left. @throws GantryError `node_not_told`, `in_use` with what lies there */
async function tellToLeave(
  { app, signal }: Pick<Call<'removeNode'>, 'app' | 'signal'>,
  node: Node,
  guests: LeaveWith,
): Promise<void> {
  const cluster = (await theCluster(app.store)).id as ClusterId;
  try {
    await askNode(app, node, { do: 'node.leave', cluster, guests }, signal);
  } catch (error) {
    if (!isGantryError(error, 'node_unreachable')) throw error;
    throw err('node_not_told', { node: node.name, why: error.message }, error);
  }
}
