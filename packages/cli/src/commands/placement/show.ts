import { formatBytes, type NodeVerdict, type PlacementDecision, type Rejection } from '@gantry/model';
import { operationArgument } from '../../names.ts';
import { entries, join, section, subTable } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';

export const placementShow: Verb = {
  words: 'placement show',
  summary: 'why an operation placed its guest where it did, or why a request found no place',
  details:
    'Each node that was looked at, with every test that it fails, and of the best few the parts of the score. A request that was refused is named by the id\n' +
    'in its error; that is kept for a day.',
  arguments: [
    { ...operationArgument, description: 'number or id of the operation, or id of the request: req_...' },
  ],
  examples: ['gantry placement show 12', 'gantry placement show 12 -o json'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'number') };
    const decision = (await client.call('getPlacement', { params })) as PlacementDecision;
    await out.object(decision, decision.chosen?.name ?? '', () => describe(decision));
  },
};

function describe({ chosen, lookedAt, verdicts, refused, scoreBefore }: PlacementDecision): string {
  const fit = verdicts.filter(({ rejections }) => rejections.length === 0).length;
  const score = [scoreBefore, verdicts[0]?.score?.total].map((each) => each?.toFixed(3) ?? '-').join(' -> ');
  const head = chosen
    ? `${chosen.name}: best of ${fit} that fit, ${lookedAt} looked at; score of the cluster ${score}`
    : `no node: ${lookedAt} looked at, none fits`;
  const tried = refused?.tried.map(({ way, works }) => `${way}: ${works ? 'works' : 'does not help'}`) ?? [];
  const rows = verdicts.flatMap((verdict) => rowsOf(verdict, chosen?.name));
  return join(
    refused ? entries([['refused', `${refused.message}\n${refused.at}`]]) : head,
    section('Ways out that were tried', tried.map((line) => `  ${line}`).join('\n')),
    section('Nodes', subTable(['NODE', 'VERDICT', 'SCORE', 'TEST', 'NEEDED', 'AVAILABLE', 'WHY'], rows)),
  );
}

/** One row for a node that fits, one for each test of another. */
function rowsOf({ name, rejections, score }: NodeVerdict, chosen: string | undefined): string[][] {
  const verdict = name === chosen ? 'chosen' : 'fits';
  if (rejections.length === 0)
    return [[name, verdict, score?.total.toFixed(3) ?? '-', '-', '-', '-', partsOf(score?.parts ?? {})]];
  return rejections.map((rejection, index) => [
    ...(index === 0 ? [name, 'refused'] : ['', '']),
    ...['-', rejection.test, amount(rejection, 'needed'), amount(rejection, 'available'), rejection.message],
  ]);
}

function amount(rejection: Rejection, which: 'needed' | 'available'): string {
  const { [which]: value, unit } = rejection;
  if (value === undefined) return '-';
  return unit === 'MiB' ? formatBytes(value * 2 ** 20) : `${value} ${unit ?? ''}`.trim();
}

const partsOf = (parts: Readonly<Record<string, number>>): string =>
  Object.entries(parts)
    .filter(([, value]) => value.toFixed(3) !== '0.000')
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join('  ');
