/** Who calls, and what of the cluster he sees. */
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  err,
  heldIn,
  type ProjectId,
  type Rights,
  type Role,
  type RouteRole,
  roleIn,
  type Token,
  tokenRights,
  type User,
} from '@gantry/model';
import type { Env } from '../env.ts';
import type { Meta } from '../kinds.ts';
import type { Store } from '../store/store.ts';

export interface Caller {
  token: Token;
  /** Whose token it is; agents, and tokens of the first versions, have none. */
  user?: User;
  /** In the whole cluster. */
  role?: Role;
  rights: Rights;
  /** Whose things he makes where he says no other. */
  project?: ProjectId;
  /** The request is about this one alone: he sees nothing of others. */
  onlyProject?: ProjectId;
  /** For agents. */
  node?: string;
  /** What the route asks for. */
  needs: readonly RouteRole[];
}

/** Who did it, as others read it. */
export const actorOf = ({ user, token }: { user?: { name: string }; token: { name: string } }): string =>
  user?.name ?? token.name;

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
  const { role, node, certificate } = token.spec;
  if (role === 'agent' && peer && !certificate)
    throw err('certificate_needed', { why: 'a token of role agent is for the controller’s own machine' });
  requireValid(token, env.clock.now());
  if (role === 'agent' || role === 'join')
    return { token, role, rights: { projects: new Map() }, ...(node ? { node } : {}), needs: [] };
  return personOf(token, await ownerOf(store, token));
}

/** @throws GantryError `token_revoked`, `token_expired` */
function requireValid({ name, spec: { revokedAt, expiresAt } }: Token, nowMs: number): void {
  if (revokedAt) throw err('token_revoked', { name, at: revokedAt });
  if (expiresAt && Date.parse(expiresAt) <= nowMs) throw err('token_expired', { name, at: expiresAt });
}

/** @throws GantryError `user_disabled`; `unauthenticated` when the user is gone and the token about to go */
async function ownerOf(store: Store, { spec }: Token): Promise<User | undefined> {
  if (spec.user === undefined) return undefined;
  const user = await store.get('user', spec.user);
  if (!user) throw err('unauthenticated', { why: 'its user was deleted' });
  if (user.spec.disabled) throw err('user_disabled', { name: user.name });
  return user;
}

function personOf(token: Token, user: User | undefined): Caller {
  const rights = tokenRights(token, user);
  const [only, ...others] = rights.projects.keys();
  const project = token.spec.project ?? (rights.role === undefined && others.length === 0 ? only : undefined);
  return {
    token,
    ...(user ? { user } : {}),
    ...(rights.role ? { role: rights.role } : {}),
    rights,
    ...(project ? { project } : {}),
    needs: [],
  };
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
export function sees(
  caller: Caller,
  meta: Pick<Meta, 'kind' | 'id' | 'project' | 'owner'> & { node?: string | undefined },
): boolean {
  return caller.role === 'agent' || caller.role === 'join'
    ? nodeSees(caller, meta)
    : personSees(caller, meta);
}

function nodeSees({ node }: Caller, { kind, id }: Pick<Meta, 'kind' | 'id'>): boolean {
  return kind === 'image' || kind === 'network' || id === node;
}

function personSees(
  caller: Caller,
  { kind, id, project, owner }: Pick<Meta, 'kind' | 'id' | 'project' | 'owner'>,
): boolean {
  const { role, rights, onlyProject, user } = caller;
  if (project !== undefined && onlyProject !== undefined && project !== onlyProject) return false;
  if (role === 'admin') return true;
  switch (kind) {
    case 'cluster':
    case 'group':
    case 'node':
    case 'flavor':
      return true;
    case 'image':
    case 'network':
      return project === undefined || roleIn(rights, project) !== undefined;
    case 'instance':
    case 'disk':
    case 'operation':
    case 'guest':
      return project !== undefined && roleIn(rights, project) !== undefined;
    case 'project':
      return roleIn(rights, id) !== undefined;
    case 'user':
      return id === user?.id;
    case 'token':
      return (
        id === caller.token.id || (owner !== undefined && owner === user?.id && !caller.token.spec.project)
      );
    default:
      return false;
  }
}

/**
 * He sees it; may he do with it what he asks? What belongs to no project is not judged here.
 * @throws GantryError `forbidden`
 */
export function requireRoleAt(
  caller: Caller,
  { kind, id, name, project }: Pick<Meta, 'kind' | 'id' | 'name' | 'project'>,
): void {
  const where = kind === 'project' ? id : project;
  const { role, rights, needs } = caller;
  if (where === undefined || role === 'agent' || role === 'join' || heldIn(rights, where, needs)) return;
  const has = roleIn(rights, where);
  throw err('forbidden', {
    action: `do this with ${kind} ${name}`,
    why: `it needs the role ${[...new Set(needs.map((need) => need.replace('project-', '')))].join(' or ')} in its project, the token has ${has ?? 'none'}`,
  });
}
