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
  /** For agents. */
  node?: string;
}

export const hashSecret = (secret: string): Uint8Array => createHash('sha256').update(secret).digest();

/** A new bearer secret: 32 random bytes. */
export const newSecret = (env: Env): string =>
  `gantry_${Buffer.from(env.randomBytes(32)).toString('base64url')}`;

/** @throws GantryError `unauthenticated` */
export async function authenticate(store: Store, env: Env, secret: string | undefined): Promise<Caller> {
  if (!secret) throw err('unauthenticated', { why: 'the request has none' });
  const hash = hashSecret(secret);
  const found = await store.secret(hash);
  const token =
    found && timingSafeEqual(found.hash, hash) ? await store.get('token', found.token) : undefined;
  if (!token) throw err('unauthenticated', { why: 'it is not known here' });
  const { expiresAt, role, project, node } = token.spec;
  if (expiresAt && Date.parse(expiresAt) <= env.clock.now())
    throw err('unauthenticated', { why: `it expired at ${expiresAt}` });
  return { token, role, ...(project ? { project } : {}), ...(node ? { node } : {}) };
}

/** May this caller know of such an object? */
export function sees(caller: Caller, meta: Pick<Meta, 'kind' | 'id' | 'project' | 'node'>): boolean {
  if (caller.role === 'admin') return true;
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
