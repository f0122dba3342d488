import { type DrainPlan, type DrainStep, formatBytes } from '@gantry/model';
import { entries, join, section, subTable } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { roleVerb } from './role.ts';

const drain = roleVerb('drain', 'drained', {
  summary: 'let a node take no new guests',
  said: 'takes no new guests; those on it go on',
});

export const nodeDrain: Verb = {
  ...drain,
  details:
    'Guests that are there go on; `gantry node evacuate` moves them. --plan changes nothing and tells for each what emptying the\n' +
    'node would mean: which other node of the group has room for it, or what stands against it.',
  flags: [{ flags: '--plan', description: 'only say what emptying the node would mean for each guest' }],
  examples: ['gantry node drain n1', 'gantry node drain n1 --plan'],
  async run(session, given) {
    if (!given.on('plan')) return drain.run(session, given);
    const plan = await session.client.call('planDrain', { params: { ref: given.arg(0, 'name') } });
    await session.out.object(plan, plan.name, () => describeDrain(plan));
  },
};

/** @param allowStop whether guests that run may be shut down to be moved */
export function describeDrain({ name, role, steps }: DrainPlan, allowStop = true): string {
  const going = steps.filter(({ way }) => way === 'move' || (way === 'stop' && allowStop));
  const bytes = going.reduce((sum, { diskMiB }) => sum + diskMiB * 2 ** 20, 0);
  const drained =
    role === 'drained'
      ? 'it takes no new guests already'
      : `gantry node drain ${name} lets it take no new ones`;
  return join(
    entries([
      ['node', `${name}, ${role}: ${drained}; those on it go on`],
      ['guests', `${steps.length}: ${countText(steps, allowStop)}`],
      ['to copy', bytes > 0 ? `at most ${formatBytes(bytes)} of disks` : undefined],
    ]),
    section(
      'Guests',
      subTable(
        ['INSTANCE', 'STATE', 'WHAT', 'TO', 'WHY'],
        steps.map((step) => [step.name, step.state, ...fateOf(step, allowStop)]),
      ),
    ),
    section(
      'What lets them go',
      subTable(
        ['INSTANCE', 'REMEDY'],
        steps.flatMap((step) => (step.remedy === undefined ? [] : [[step.name, step.remedy]])),
      ),
    ),
  );
}

function countText(steps: readonly DrainStep[], allowStop: boolean): string {
  const count = (wanted: DrainStep['way']) => steps.filter(({ way }) => way === wanted).length;
  const stop = allowStop ? 'shut down for it and started again' : 'that run stay';
  return `${count('move')} moved as they are, ${count('stop')} ${stop}, ${count('blocked')} blocked`;
}

/** What will happen to it, where it goes, and why so. */
function fateOf({ way, to = '-', why }: DrainStep, allowStop: boolean): [string, string, string] {
  if (way === 'blocked') return ['blocked', to, `because ${why}`];
  if (way === 'move') return ['moved as it is', to, why];
  if (allowStop) return ['shut down, moved, started again', to, why];
  return ['stays', '-', `${why}: --allow-stop shuts it down for the move`];
}
