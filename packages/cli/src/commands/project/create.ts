import { parsePairs } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { parseNewQuota, quotaFlag } from './quota.ts';

export const projectCreate: Verb = {
  words: 'project create',
  summary: 'create a project',
  arguments: [{ name: 'NAME', description: 'name of the project' }],
  flags: [{ flags: '--label <key=value>', description: 'label', many: true }, quotaFlag],
  examples: ['gantry project create web', 'gantry project create web --quota instances=10,memory=64G'],
  async run(session, given) {
    const labels = parsePairs(given.all('label'));
    const name = given.arg(0, 'name');
    const body = {
      name,
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      ...given.put('quota', 'quota', parseNewQuota),
    };
    const project = await session.client.call('createProject', { body });
    await session.out.object(
      project,
      project.name,
      () =>
        `project ${project.name} created   let somebody in: gantry project grant ${project.name} USER operator`,
    );
  },
};
