import type { PlacementDecision } from '@gantry/model';
import { operationArgument } from '../../names.ts';
import { join, section, subTable } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';

export const placementShow: Verb = {
  words: 'placement show',
  summary: 'why an operation placed its guest where it did, or nowhere',
  arguments: [operationArgument],
  examples: ['gantry placement show 12', 'gantry placement show 12 -o json'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'number') };
    const decision = (await client.call('getPlacement', { params })) as PlacementDecision;
    await out.object(decision, decision.chosen?.name ?? '', () => describe(decision));
  },
};

function describe({ chosen, lookedAt, verdicts }: PlacementDecision): string {
  const fit = verdicts.filter((verdict) => verdict.rejections.length === 0).length;
  const head = chosen
    ? `${chosen.name}: best of ${fit} that fit, ${lookedAt} looked at`
    : `no node: ${lookedAt} looked at, none fits`;
  const rows = verdicts.map(({ name, rejections, score }) => [
    name,
    name === chosen?.name ? 'chosen' : rejections.length > 0 ? 'refused' : 'fits',
    score ? score.total.toFixed(3) : '-',
    rejections.map(({ message }) => message).join('; ') || partsOf(score?.parts ?? {}),
  ]);
  return join(head, section('Nodes', subTable(['NODE', 'VERDICT', 'SCORE', 'WHY'], rows)));
}

const partsOf = (parts: Readonly<Record<string, number>>): string =>
  Object.entries(parts)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join('  ');
