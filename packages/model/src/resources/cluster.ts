import { Name } from '../ids.ts';
import { optional, type Static, strict, Type } from '../schema.ts';
import { resource } from './common.ts';
import { GuestPolicy } from './policy.ts';

export const ClusterSpec = strict({
  guest: optional(GuestPolicy),
  macPrefix: optional(
    Type.String({
      pattern: '^[0-9a-f][26ae](:[0-9a-f]{2}){2}$',
      description: 'first three bytes of generated MACs, locally administered; default 52:54:00 as QEMU’s',
    }),
  ),
  os: optional(
    Type.Record(
      Type.String({ pattern: '^[a-z0-9-]{1,64}$' }),
      Type.Record(Type.String({ pattern: '^[a-z0-9_]{1,64}$' }), Type.String({ maxLength: 1024 })),
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
});
export type ClusterStatus = Static<typeof ClusterStatus>;

/** The one cluster: defaults and policy. */
export const Cluster = resource('cluster', Name, ClusterSpec, ClusterStatus);
export type Cluster = Static<typeof Cluster>;
