import type { Group } from '@gantry/model';
import { groupNames } from '../../names.ts';
import { planFlag, showPlan } from '../../operations/submit.ts';
import { entries, join, section } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { everyItem } from '../pages.ts';
import { cpuEntries, cpuTable } from './cpu.ts';

export const groupCpuBaseline: Verb = {
  words: 'group cpu-baseline',
  summary:
    'the CPU that all nodes of a group can give, which host-model guests get there so that they can move',
  details:
    'It is computed by libvirt whenever nodes come, go or change, and widens by itself. It becomes narrower by itself only while\n' +
    'no guest has it: a node that cannot give it is left out, and named here and by node show. --narrow takes such nodes in:\n' +
    'guests started from then on get less, those that run keep what they have.',
  arguments: [nameArgument('group', groupNames)],
  flags: [
    { flags: '--narrow', description: 'compute it of all nodes, those included that were left out' },
    planFlag,
  ],
  examples: ['gantry group cpu-baseline default', 'gantry group cpu-baseline default --narrow --plan'],
  async run(session, given) {
    const { client, out } = session;
    const params = { ref: given.arg(0, 'name') };
    if (given.on('narrow')) {
      const query = given.on('plan') ? { plan: true } : {};
      const done = await client.call('narrowCpuBaseline', { params, query, body: {} });
      if ('plan' in done) return showPlan(session, done);
    }
    const group: Group = await client.call('getGroup', { params });
    await out.object(group, group.name, async () => {
      const nodes = (await everyItem(client, 'listNodes')).filter(({ spec }) => spec.group === group.id);
      return join(
        entries([['group', group.name], ...cpuEntries(group, nodes)]),
        section('Nodes', cpuTable(group, nodes)),
      );
    });
  },
};
