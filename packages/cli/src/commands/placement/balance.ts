/** Offline: which moves would make the cluster even? */
import { formatBytes } from '@gantry/model';
import type { BalanceReport } from '@gantry/placement';
import { join, section, subTable } from '../../output/describe.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import {
  groupOf,
  jsonFlag,
  offlineDetails,
  outputOf,
  readCluster,
  scoreLine,
  scoreTable,
  secondsSince,
  writeFlag,
  writeResult,
} from './files.ts';

const MIB = 2 ** 20;

export const placementBalance: Verb = {
  words: 'placement balance',
  summary: 'which moves would make a cluster even, from a cluster file and without a cluster',
  details:
    `${offlineDetails}\n` +
    'Moves stand in an order in which each is allowed when its turn comes; nodes that are offline are emptied first.\n' +
    'Commands are hbal’s: f fails over (or migrates), r:NODE replaces the secondary, fa:NODE runs it there.',
  flags: [
    { flags: '--group <group>', description: 'only this group; default: each by itself' },
    { flags: '--max-moves <count>', description: 'at most so many moves' },
    { flags: '--evacuate', description: 'only move instances away from nodes that are offline' },
    { flags: '--thorough', description: 'take the time and the moves for the lowest score' },
    writeFlag,
    jsonFlag,
  ],
  examples: [
    'gantry placement balance --cluster lab.data --group default --max-moves 10',
    'gantry placement balance --cluster lab.data --json --write after.data',
  ],
  async run(session, given) {
    const start = performance.now();
    const { planBalance } = await import('@gantry/placement');
    const data = await readCluster(session);
    const { report, after } = planBalance(data, groupOf(given, data), {
      ...given.put('maxMoves', 'maxMoves', parseCount),
      evacuate: given.on('evacuate'),
      thorough: given.on('thorough'),
    });
    await writeResult(given, after);
    const answer = { ...report, seconds: secondsSince(start) };
    await outputOf(session, given).object(
      answer,
      report.moves.map(({ instance }) => instance).join(' '),
      () => describe(report),
    );
  },
};

function describe({ score, groups, moves }: BalanceReport): string {
  const copied = groups.reduce((sum, { copyMiB }) => sum + copyMiB, 0);
  const head = `${moves.length} moves, ${formatBytes(copied * MIB)} to copy; score ${scoreLine(score)}`;
  const rows = moves.map((move, i) => [
    String(i + 1),
    move.instance,
    move.from.join(' '),
    move.to.join(' '),
    move.command,
    move.copyMiB === 0 ? '-' : formatBytes(move.copyMiB * MIB),
    move.score.toFixed(4),
  ]);
  const perGroup = groups.map((one) => [
    one.group,
    String(one.moves),
    scoreLine(one.score),
    formatBytes(one.copyMiB * MIB),
  ]);
  return join(
    head,
    groups.length > 1 ? section('Groups', subTable(['GROUP', 'MOVES', 'SCORE', 'COPY'], perGroup)) : '',
    section('Score', scoreTable(score)),
    section('Moves', subTable(['', 'INSTANCE', 'FROM', 'TO', 'COMMAND', 'COPY', 'SCORE'], rows)),
  );
}
