/** The live cluster: which moves would make it even, and that they are made. */
import {
  type BalanceMove,
  type BalancePlan,
  err,
  formatBytes,
  parseBytes,
  parseDurationMs,
} from '@gantry/model';
import { groupNames } from '../../names.ts';
import { conclude, deadlineFlag, planFlag, reasonFlag, waitFlags } from '../../operations/submit.ts';
import { join, section, subTable } from '../../output/describe.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';

export const clusterBalance: Verb = {
  words: 'cluster balance',
  summary: 'move guests so that the nodes of each group are evenly used',
  details:
    'Shows the moves, in the order in which each is possible, and the guests that stay though moving them would help. Nothing is moved\n' +
    'without --apply, which asks first, and moves them one after the other. Each move is checked anew before it starts: one that does not help any more\n' +
    'is passed over, and the rest planned anew. Guests that run stay, unless --stop permits to stop them for the time of the copy.\n' +
    'The operation fails where a move fails; the others go on. `gantry op cancel` begins no further moves.',
  flags: [
    planFlag,
    { flags: '--apply', description: 'move them; else they are only shown' },
    {
      flags: '--group <group>',
      description: 'only this group; default: each by itself',
      complete: groupNames,
    },
    { flags: '--max-moves <count>', description: 'at most so many moves' },
    { flags: '--max-bytes <size>', description: 'copy at most so much, all moves together (500G)' },
    { flags: '--min-gain <number>', description: 'what each move must lower the score by, default 0.01' },
    { flags: '--stop', description: 'stop guests that run, move them, and start them again' },
    deadlineFlag('begin no further moves after it, default 24h'),
    reasonFlag,
    ...waitFlags,
  ],
  examples: [
    'gantry cluster balance',
    'gantry cluster balance --group default --stop --max-moves 10 --max-bytes 500G --apply',
  ],
  async run(session, given) {
    const body = {
      ...given.string('group', 'group'),
      ...given.put('maxMoves', 'maxMoves', parseCount),
      ...given.put('maxBytes', 'maxBytes', parseBytes),
      ...given.put('minGain', 'minGain', parseGain),
      ...given.put('deadlineMs', 'deadline', parseDurationMs),
      ...given.string('reason', 'reason'),
      ...(given.on('stop') ? { stop: true } : {}),
    };
    const plan = await session.client.call('balanceCluster', { body, query: { plan: true } });
    if (!('moves' in plan)) throw err('internal', { why: 'an operation came back' });
    if (given.on('plan') || !given.on('apply') || plan.moves.length === 0)
      return session.out.object(plan, plan.moves.map(({ name }) => name).join(' '), () => describe(plan));
    session.note(describe(plan));
    await session.confirm(`Make these moves${plan.group === undefined ? '' : ` in group ${plan.group}`}?`);
    const answer = await session.client.call('balanceCluster', { body });
    if (!('kind' in answer)) throw err('internal', { why: 'a plan came back' });
    await conclude(session, given, answer);
  },
};

/** Whether it is in bounds the API says. */
function parseGain(text: string): number {
  if (!/^\d{1,9}([.]\d{1,9})?$/.test(text))
    throw err('invalid_argument', {
      what: JSON.stringify(text.slice(0, 128)),
      wanted: 'a number, such as 0.05',
    });
  return Number(text);
}

const ways: Record<BalanceMove['way'], string> = { move: 'stopped', stop: 'must be stopped' };
const digits = (score: number): string => score.toFixed(4);

/** For people. */
function describe({ score, moves, bytes, held }: BalancePlan): string {
  const change = `score ${digits(score.before)} -> ${digits(score.after)}`;
  const rows = moves.map((move, i) => [
    String(i + 1),
    move.name,
    move.from,
    move.to,
    formatBytes(move.bytes),
    ways[move.way],
    digits(move.gain),
  ]);
  const stay = held.map(({ name, node, to, gain, why }) => [name, node, to, digits(gain), why]);
  return join(
    moves.length === 0
      ? `nothing to move; ${change}`
      : `${moves.length} ${moves.length === 1 ? 'move' : 'moves'}, ${formatBytes(bytes)} to copy; ${change}`,
    section('Moves', subTable(['', 'INSTANCE', 'FROM', 'TO', 'COPY', 'GUEST', 'GAIN'], rows)),
    section('Held', subTable(['INSTANCE', 'NODE', 'TO', 'GAIN', 'WHY'], stay)),
  );
}
