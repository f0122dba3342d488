import { Name, ProjectId, UserId, UUID_PATTERN } from '../ids.ts';
import { line, oneOf, optional, recordOf, type Static, strict, Timestamp, Type } from '../schema.ts';
import { resource } from './common.ts';
import { Quota, Usage } from './quota.ts';

/** Whose things they are. */
export const Project = resource(
  'project',
  Name,
  strict({ quota: optional(Quota) }),
  strict({ usage: optional(Usage) }),
);
export type Project = Static<typeof Project>;

/** Of people. viewer: sees; operator: instances and images too; admin: everything, in a project who is in it too. */
export const userRoles = ['admin', 'operator', 'viewer'] as const;
export type UserRole = (typeof userRoles)[number];
/** The same words for one project alone. */
export type ProjectRole = UserRole;
/** Beside people: agent: one node’s own affairs; join: become a certain node, once. */
export const roles = [...userRoles, 'agent', 'join'] as const;
/** Roles whose tokens a user may make. */
export const tokenRoles = [...userRoles, 'agent'] as const satisfies readonly Role[];
export type Role = (typeof roles)[number];

export const UserSpec = strict({
  fullName: optional(line(128, 'for people to read')),
  role: optional(oneOf(userRoles, 'in the whole cluster; none: only in the projects named')),
  projects: optional(recordOf(UUID_PATTERN, oneOf(userRoles), { description: 'project id -> role in it' })),
  disabled: optional(Type.Boolean({ description: 'none of his tokens is let in' })),
});
export type UserSpec = Static<typeof UserSpec>;

/** A person, or a program with rights of its own. There are no passwords: users come with tokens. */
export const User = resource('user', Name, UserSpec, strict({}));
export type User = Static<typeof User>;

export const TokenSpec = strict({
  role: oneOf(roles, 'at most; its user’s own rights bound it too'),
  user: optional(UserId),
  project: optional(ProjectId),
  node: optional(Type.String({ description: 'for roles agent and join: the node' })),
  certificate: optional(
    Type.Boolean({ description: 'it is a certificate of the cluster’s CA, not a secret to be sent' }),
  ),
  usedBy: optional(
    Type.String({ description: 'for role join, once used: SHA-256 of the public key that it went to' }),
  ),
  expiresAt: optional(Timestamp),
  revokedAt: optional(Timestamp),
});
export type TokenSpec = Static<typeof TokenSpec>;

/** A credential. Only its hash is stored; the secret is shown once. */
export const Token = resource('token', Name, TokenSpec, strict({ lastUsedAt: optional(Timestamp) }));
export type Token = Static<typeof Token>;
export { Type };
