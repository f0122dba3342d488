import type { Body } from '@gantry/model';
import { planFlag } from '../../operations/submit.ts';
import { parsePairs } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { fullNameFlag, roleFlag } from './user.ts';

export const userCreate: Verb = {
  words: 'user create',
  summary: 'let a person, or a program, in under a name',
  details:
    'There are no passwords: what a user shows is a token (`gantry token create --user NAME`). Roles: a viewer sees, an operator has\n' +
    'instances and images too, an administrator does everything. In single projects: `gantry project grant`.',
  arguments: [{ name: 'NAME', description: 'name of the user' }],
  flags: [
    roleFlag,
    fullNameFlag,
    { flags: '--label <key=value>', description: 'label', many: true },
    planFlag,
  ],
  examples: [
    'gantry user create eve --role operator',
    "gantry user create ci --full-name 'builds of the web team'",
  ],
  async run(session, given) {
    const labels = parsePairs(given.all('label'));
    const body = {
      name: given.arg(0, 'name'),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      spec: { ...given.string('role', 'role'), ...given.string('fullName', 'fullName') },
    } as Body<'createUser'>;
    const query = given.on('plan') ? { plan: true } : {};
    const user = await session.client.call('createUser', { body, query });
    const done = given.on('plan') ? 'would be created' : 'created';
    const next = `a token for him: gantry token create --user ${user.name}`;
    await session.out.object(user, user.name, () => `user ${user.name} ${done}   ${next}`);
  },
};
