import type { Operation } from '@gantry/model';
import { planFlag, showPlan } from '../../operations/submit.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { roleVerb } from './role.ts';

const undrain = roleVerb('undrain', 'active', {
  summary: 'let a node take guests again',
  said: 'takes guests again',
});

export const nodeUndrain: Verb = {
  ...undrain,
  details:
    'An evacuation of the node that is under way begins no further moves, and ends when those are over that have begun; guests whose turn had not\n' +
    'come stay where they are.',
  flags: [planFlag],
  examples: ['gantry node undrain n1', 'gantry node undrain n1 --plan'],
  async run(session, given) {
    const { id, name } = await session.client.call('getNode', { params: { ref: given.arg(0, 'name') } });
    const evacuation = await evacuationOf(session, id);
    const plan = evacuation ? [endOf(evacuation)] : [];
    if (given.on('plan'))
      return await showPlan(session, { plan: [`let node ${name} take guests again`, ...plan] });
    await undrain.run(session, given);
    for (const line of plan) session.note(line);
  },
};

/** What empties the node now, of the moves that it has not ended yet. */
async function evacuationOf({ client }: Session, target: string): Promise<Operation | undefined> {
  const { items } = await client.call('listOperations', { query: { target, active: true } });
  return items.find(({ spec }) => spec.kind === 'node.evacuate' && spec.cancelRequested === undefined);
}

/** For people. */
export function endOf({ spec, status }: Operation): string {
  const named = (state: string) =>
    status.steps.filter((step) => step.state === state).map(({ name }) => name);
  const [going, waiting] = [named('running'), named('waiting')];
  return [
    `op ${spec.number}, which empties it, begins no further moves`,
    going.length > 0 ? `${going.join(', ')} ${going.length === 1 ? 'is' : 'are'} moved to the end` : '',
    waiting.length > 0 ? `${waiting.join(', ')} ${waiting.length === 1 ? 'stays' : 'stay'}` : '',
  ]
    .filter(Boolean)
    .join('; ');
}
