import { Name } from '../ids.ts';
import { oneOf, optional, recordOf, type Static, strict, Type } from '../schema.ts';
import { resource } from './common.ts';
import { HostPolicy } from './host-policy.ts';
import { GuestPolicy } from './policy.ts';

export const NodeCommandPolicy = oneOf(
  ['nobody', 'admins', 'operators'] as const,
  'who may run commands on nodes and copy files to them; default admins',
);

export const AuditDays = Type.Integer({
  minimum: 1,
  maximum: 36_500,
  description: 'how long it is remembered who did what (days); default 365',
});

export const ClusterSpec = strict({
  nodeCommands: optional(NodeCommandPolicy),
  auditDays: optional(AuditDays),
  guest: optional(GuestPolicy),
  host: optional(HostPolicy),
  macPrefix: optional(
    Type.String({
      pattern: '^[0-9a-f][26ae](:[0-9a-f]{2}){2}$',
      description: 'first three bytes of generated MACs, locally administered; default 52:54:00 as QEMU’s',
    }),
  ),
  os: optional(
    recordOf(
      '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      recordOf('^[a-z][a-z0-9_]{0,63}$', Type.String({ maxLength: 4096, pattern: '^[^\\u0000]*$' })),
      {
        description: 'parameters of OS providers: provider -> parameter -> value',
      },
    ),
  ),
});
export type ClusterSpec = Static<typeof ClusterSpec>;

export const ClusterStatus = strict({
  incarnation: Type.Integer({ description: 'of the store; a restored backup gets a new one' }),
  version: Type.String({ description: 'of the controller' }),
  node: optional(
    Type.String({ description: 'id of the controller’s own node, which goes with the cluster' }),
  ),
  reached: optional(
    strict(
      {
        url: Type.String(),
        caSha256: Type.String({ description: 'SHA-256 of the certificate of its authority' }),
      },
      { description: 'from other machines, where it listens for them' },
    ),
  ),
});
export type ClusterStatus = Static<typeof ClusterStatus>;

/** The one cluster: defaults and policy. */
export const Cluster = resource('cluster', Name, ClusterSpec, ClusterStatus);
export type Cluster = Static<typeof Cluster>;
