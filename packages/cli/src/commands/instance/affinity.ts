/** Rules about sharing a node, as options and as they stand. */
import type { AffinityRule, AffinityStanding } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instanceNames } from '../../names.ts';
import { subTable } from '../../output/describe.ts';
import type { Flag } from '../../verb.ts';

const option = (flag: string, description: string): Flag => ({
  flags: `--${flag} <instance|key=value>`,
  description,
  many: true,
  complete: instanceNames,
});

export const affinityFlags: readonly Flag[] = [
  option('affinity', 'on the node of this instance, or of those with this label'),
  option('anti-affinity', 'never on a node of these'),
  option('soft-affinity', 'on a node of these where possible'),
  option('soft-anti-affinity', 'on another node than these where possible'),
];

const options = [
  ['affinity', 'affinity'],
  ['antiAffinity', 'anti-affinity'],
  ['softAffinity', 'soft-affinity'],
  ['softAntiAffinity', 'soft-anti-affinity'],
] as const;

export function affinityOf(given: Given): { affinity?: AffinityRule[] } {
  const rules = options.flatMap(([flag, policy]) =>
    given
      .all(flag)
      .map(
        (text): AffinityRule => (text.includes('=') ? { policy, label: text } : { policy, instance: text }),
      ),
  );
  return rules.length > 0 ? { affinity: rules } : {};
}

export const affinityTable = (items: readonly AffinityStanding[]): string =>
  subTable(
    ['RULE', 'WITH', 'NOW', 'WHY'],
    items.map(({ rule, by, satisfied, why }) => [
      by ? `${rule.policy} of ${by}` : rule.policy,
      rule.instance ?? rule.label ?? '',
      satisfied ? 'kept' : 'not kept',
      why,
    ]),
  );
