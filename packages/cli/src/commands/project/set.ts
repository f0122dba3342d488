import { type Body, err } from '@gantry/model';
import { projectNames } from '../../names.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { parseQuota, quotaFlag, usageTable } from './quota.ts';

export const projectSet: Verb = {
  words: 'project set',
  summary: 'set how much a project may have at most',
  details:
    'Limits that are not named stay. One below what there is takes nothing away: it refuses more. An instance counts whether it\n' +
    'runs or not, and with what its guest was started with until it has less; disks count by their size.',
  arguments: [nameArgument('project', projectNames)],
  flags: [quotaFlag, planFlag],
  examples: [
    'gantry project set web --quota instances=10,vcpus=20,memory=64G,disk=1T,addresses=20',
    'gantry project set web --quota vcpus=unlimited',
  ],
  async run({ client, out }, given) {
    const body: Body<'setProject'> = given.put('quota', 'quota', parseQuota);
    if (body.quota === undefined) throw err('usage', { what: 'nothing to set: --quota' });
    const query = given.on('plan') ? { plan: true } : {};
    const project = await client.call('setProject', { params: { ref: given.arg(0, 'name') }, body, query });
    await out.object(project, project.name, () => `project ${project.name}\n${usageTable(project)}`);
  },
};
