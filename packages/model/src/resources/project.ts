import { Name, ProjectId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { resource } from './common.ts';

/** Whose things they are. */
export const Project = resource('project', Name, strict({}), strict({}));
export type Project = Static<typeof Project>;

/** admin: everything; operator: instances, images, networks of the project; viewer: reads; agent: one node’s own affairs; join: become a certain node, once. */
export const roles = ['admin', 'operator', 'viewer', 'agent', 'join'] as const;
/** Roles whose tokens a user may make. */
export const tokenRoles = ['admin', 'operator', 'viewer', 'agent'] as const satisfies readonly Role[];
export type Role = (typeof roles)[number];

export const TokenSpec = strict({
  role: oneOf(roles),
  project: optional(ProjectId),
  node: optional(Type.String({ description: 'for roles agent and join: the node' })),
  certificate: optional(
    Type.Boolean({ description: 'it is a certificate of the cluster’s CA, not a secret to be sent' }),
  ),
  usedBy: optional(
    Type.String({ description: 'for role join, once used: SHA-256 of the public key that it went to' }),
  ),
  expiresAt: optional(Timestamp),
});
export type TokenSpec = Static<typeof TokenSpec>;

/** A credential. Only its hash is stored; the secret is shown once. */
export const Token = resource('token', Name, TokenSpec, strict({ lastUsedAt: optional(Timestamp) }));
export type Token = Static<typeof Token>;
export { Type };
