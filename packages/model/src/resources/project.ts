import { Name, ProjectId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { resource } from './common.ts';

/** Whose things they are. */
export const Project = resource('project', Name, strict({}), strict({}));
export type Project = Static<typeof Project>;

/** admin: everything; operator: instances, images, networks of the project; viewer: reads; agent: one node’s own affairs. */
export const roles = ['admin', 'operator', 'viewer', 'agent'] as const;
export type Role = (typeof roles)[number];

export const TokenSpec = strict({
  role: oneOf(roles),
  project: optional(ProjectId),
  node: optional(Type.String({ description: 'for role agent: the node' })),
  expiresAt: optional(Timestamp),
});
export type TokenSpec = Static<typeof TokenSpec>;

/** A credential. Only its hash is stored; the secret is shown once. */
export const Token = resource('token', Name, TokenSpec, strict({ lastUsedAt: optional(Timestamp) }));
export type Token = Static<typeof Token>;
export { Type };
