/** What a guest is, against what its settings would make of it now. */
import { InstanceId, NodeId } from '../ids.ts';
import { Problem } from '../problem.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { Provenance } from './guest.ts';

export const applications = ['live', 'next-start', 'rebuild', 'never'] as const;
export type Applies = (typeof applications)[number];

export const GuestDifference = strict({
  path: Type.String({ description: 'element, or attribute after @, in the domain XML' }),
  change: oneOf(['added', 'removed', 'changed'] as const, 'what the settings would do to it'),
  cause: oneOf(
    ['settings', 'foreign'] as const,
    'settings were changed since it started, or somebody changed the domain by hand',
  ),
  now: optional(Type.String({ description: 'absent: it is not there' })),
  wanted: optional(Type.String({ description: 'absent: it would not be there' })),
  level: optional(Provenance.properties.level),
  source: optional(Type.String({ description: 'setting that decides' })),
  rule: Type.String({ description: 'why the settings come to that' }),
  applies: oneOf(
    applications,
    'libvirt can do it while the guest runs; at its next start; only to an instance made anew; never',
  ),
  why: Type.String({ description: 'why then and not earlier' }),
});
export type GuestDifference = Static<typeof GuestDifference>;

/** As the node finds it. */
export const GuestComparison = strict({
  compared: oneOf(['running', 'definition'] as const, 'the guest runs; else what it was defined as last'),
  differences: Type.Array(GuestDifference),
  refused: optional(
    strict(
      {
        settings: oneOf(['next-start', 'rebuild'] as const),
        problem: Problem,
      },
      { description: 'why no guest could be built by the settings of today' },
    ),
  ),
});
export type GuestComparison = Static<typeof GuestComparison>;

export const InstanceDiff = strict({
  instance: InstanceId,
  name: Type.String(),
  node: NodeId,
  ...GuestComparison.properties,
});
export type InstanceDiff = Static<typeof InstanceDiff>;
