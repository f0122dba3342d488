import { err, parseDurationMs } from '@gantry/model';
import { nodeNames } from '../../names.ts';
import { conclude, deadlineFlag, planFlag, reasonFlag, waitFlags } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { describeDrain } from './drain.ts';

export const nodeEvacuate: Verb = {
  words: 'node evacuate',
  summary: 'let a node take no new guests, and move its guests to other nodes of the group',
  details:
    'Shows for each guest what will happen, asks, and moves them one after the other; each is placed anew when its turn comes. Guests\n' +
    'that run stay where they are, with the reason, unless --allow-stop permits to stop them for the time of the copy. The result of\n' +
    'each guest stands in the operation; it fails where one is left. `gantry op cancel` begins no further moves.',
  arguments: [nameArgument('node', nodeNames)],
  flags: [
    { flags: '--allow-stop', description: 'stop guests that run, move them, and start them again' },
    { flags: '--parallel <count>', description: 'moves at a time, 1 to 16, default 2' },
    deadlineFlag('begin no further moves after it, default 24h'),
    reasonFlag,
    planFlag,
    ...waitFlags,
  ],
  examples: ['gantry node evacuate n1 --plan', 'gantry node evacuate n1 --allow-stop --yes'],
  async run(session, given) {
    const params = { ref: given.arg(0, 'name') };
    const plan = await session.client.call('planDrain', { params });
    const allowStop = given.on('allowStop');
    if (given.on('plan')) return session.out.object(plan, plan.name, () => describeDrain(plan, allowStop));
    const body = {
      ...(allowStop ? { allowStop } : {}),
      ...given.put('parallel', 'parallel', countOf),
      ...given.put('deadlineMs', 'deadline', parseDurationMs),
      ...given.string('reason', 'reason'),
    };
    session.note(describeDrain(plan, allowStop));
    await session.confirm(`Move the guests of node ${plan.name} as shown?`);
    const answer = await session.client.call('evacuateNode', { params, body });
    if (!('kind' in answer)) throw err('internal', { why: 'a plan came back' });
    await conclude(session, given, answer);
  },
};

function countOf(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw err('usage', { what: `--parallel ${text} is not a count` });
  return Number(text);
}
