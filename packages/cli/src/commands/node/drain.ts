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

const ways: Record<DrainStep['way'], string> = {
  stop: 'shut down, then move',
  move: 'move',
  blocked: 'blocked',
};

/** For people. */
export function describeDrain({ name, role, steps }: DrainPlan): string {
  const blocked = steps.filter(({ way }) => way === 'blocked').length;
  const stop = steps.filter(({ way }) => way === 'stop').length;
  const bytes = steps.reduce((sum, { way, diskMiB }) => sum + (way === 'blocked' ? 0 : diskMiB * 2 ** 20), 0);
  const drained =
    role === 'drained'
      ? 'it takes no new guests already'
      : `gantry node drain ${name} lets it take no new ones`;
  return join(
    entries([
      ['node', `${name}, ${role}: ${drained}; those on it go on`],
      ['guests', `${steps.length}: ${stop} must be shut down to be moved, ${blocked} blocked`],
      ['to copy', bytes > 0 ? `at most ${formatBytes(bytes)} of disks` : undefined],
    ]),
    section(
      'Guests',
      subTable(
        ['INSTANCE', 'STATE', 'WHAT', 'TO', 'WHY'],
        steps.map((step) => [step.name, step.state, ways[step.way], step.to ?? '-', step.why]),
      ),
    ),
  );
}
