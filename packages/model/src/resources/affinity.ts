/** Rules between instances of one project about sharing a node. The words are Nova’s for server groups. */
import { Name } from '../ids.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';

export const affinityPolicies = ['affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity'] as const;

export const AffinityRule = strict({
  policy: oneOf(
    affinityPolicies,
    'same node or another node than those meant; soft: where possible, else it is placed all the same',
  ),
  instance: optional(Name),
  label: optional(
    Type.String({
      pattern: '^[A-Za-z0-9_.:/-]{1,255}=[^\\u0000-\\u001f\\u007f]{0,1024}$',
      description: 'instead of one instance all that have this label, key=value',
    }),
  ),
});
export type AffinityRule = Static<typeof AffinityRule>;

/** A rule, and how it stands now. */
export const AffinityStanding = strict({
  rule: AffinityRule,
  by: optional(Type.String({ description: 'the other instance whose rule it is; absent: its own' })),
  satisfied: Type.Boolean(),
  why: Type.String({ description: 'who is where' }),
});
export type AffinityStanding = Static<typeof AffinityStanding>;
