import { type Body, err, type User, userRoles } from '@gantry/model';
import { userNames } from '../../names.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { namesById } from '../pages.ts';
import { describeUser, fullNameFlag } from './user.ts';

export const userSet: Verb = {
  words: 'user set',
  summary: 'change a user’s role in the whole cluster, or his full name',
  details:
    'His tokens keep what they have as long as he has it, and get no more: a token has the role that it was made with at most.',
  arguments: [nameArgument('user', userNames)],
  flags: [
    { flags: '--role <role>', description: 'in the whole cluster', choices: [...userRoles, 'none'] },
    fullNameFlag,
    planFlag,
  ],
  examples: ['gantry user set eve --role viewer', 'gantry user set eve --role none'],
  async run(session, given) {
    const role = given.text('role');
    const fullName = given.text('fullName');
    const body = {
      ...(role === undefined ? {} : { role: role === 'none' ? null : role }),
      ...(fullName === undefined ? {} : { fullName: fullName === '' ? null : fullName }),
    } as Body<'setUser'>;
    if (Object.keys(body).length === 0) throw err('usage', { what: 'nothing to set: --role or --full-name' });
    await showUser(session, await setUser(session, given.arg(0, 'name'), body, given.on('plan')));
  },
};

export const setUser = (session: Session, ref: string, body: Body<'setUser'>, plan: boolean): Promise<User> =>
  session.client.call('setUser', { params: { ref }, body, query: plan ? { plan } : {} });

const showUser = ({ client, out }: Session, user: User): Promise<void> =>
  out.object(user, user.name, async () => describeUser(user, await namesById(client, 'listProjects')));
