/** Who calls, and what of the cluster he sees. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { err, type ProjectId, type Role, type Token } from '@gantry/model';
import type { Env } from '../env.ts';
import type { Meta } from '../kinds.ts';
import type { Store } from '../store/store.ts';

export interface Caller {
  token: Token;
  role: Role;
  /** Whose things he makes, and for all but admins the only ones he sees. */
  project?: ProjectId;
  /** The request is about this one alone; an administrator then sees nothing of others. */
  onlyProject?: ProjectId;
  /** For agents. */
  node?: string;
}

export const hashSecret = (secret: string): Uint8Array => createHash('sha256').update(secret).digest();

/** A new bearer secret: 32 random bytes. */
export const newSecret = (env: Env): string =>
  `gantry_${Buffer.from(env.randomBytes(32)).toString('base64url')}`;

/** Who is at the other end of a connection from afar. */
export interface Peer {
  address?: string;
  /** SHA-256 of the certificate that it proved to have, if that is one of this cluster's authority. */
  certificate?: Uint8Array;
}

/** What a request shows: a secret, or from afar a certificate. */
export interface Shown {
  secret: string | undefined;
  peer: Peer | undefined;
}

/**
 * Agents from afar are known by their certificates alone: a token file that got lost is of no use elsewhere.
 * @throws GantryError `unauthenticated`, `certificate_needed`
 */
export async function authenticate(store: Store, env: Env, { secret, peer }: Shown): Promise<Caller> {
  const token =
    secret === undefined && peer?.certificate
      ? await byCertificate(store, peer.certificate)
      : await bySecret(store, secret);
  const { expiresAt, role, project, node, certificate } = token.spec;
  if (role === 'agent' && peer && !certificate)
    throw err('certificate_needed', { why: 'a token of role agent is for the controller’s own machine' });
  if (expiresAt && Date.parse(expiresAt) <= env.clock.now())
    throw err('unauthenticated', { why: `it expired at ${expiresAt}` });
  return { token, role, ...(project ? { project } : {}), ...(node ? { node } : {}) };
}

async function bySecret(store: Store, secret: string | undefined): Promise<Token> {
  if (!secret) throw err('unauthenticated', { why: 'the request has none' });
  const token = await tokenOf(store, hashSecret(secret));
  if (!token || token.spec.certificate) throw err('unauthenticated', { why: 'it is not known here' });
  return token;
}

async function byCertificate(store: Store, certificate: Uint8Array): Promise<Token> {
  const token = await tokenOf(store, certificate);
  if (!token?.spec.certificate)
    throw err('certificate_needed', { why: 'the one shown was revoked, or replaced by a newer one' });
  return token;
}

async function tokenOf(store: Store, hash: Uint8Array): Promise<Token | undefined> {
  const found = await store.secret(hash);
  return found && timingSafeEqual(found.hash, hash) ? store.get('token', found.token) : undefined;
}

/** May this caller know of such an object? */
export function sees(caller: Caller, meta: Pick<Meta, 'kind' | 'id' | 'project' | 'node'>): boolean {
  const { onlyProject } = caller;
  if (caller.role === 'admin')
    return onlyProject === undefined || meta.project === undefined || meta.project === onlyProject;
  switch (meta.kind) {
    case 'cluster':
    case 'group':
    case 'node':
    case 'flavor':
      return caller.role !== 'agent' || meta.id === caller.node;
    case 'image':
    case 'network':
      return caller.role === 'agent' || meta.project === undefined || meta.project === caller.project;
    case 'instance':
    case 'disk':
    case 'operation':
    case 'guest':
      return meta.project !== undefined && meta.project === caller.project;
    case 'project':
      return meta.id === caller.project;
    default:
      return false;
  }
}
