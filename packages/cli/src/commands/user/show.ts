import { userNames } from '../../names.ts';
import { join, section, subTable } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { everyItem, namesById } from '../pages.ts';
import { describeUser } from './user.ts';

export const userShow: Verb = {
  words: 'user show',
  summary: 'a user with his roles and his tokens',
  arguments: [nameArgument('user', userNames)],
  examples: ['gantry user show eve'],
  async run({ client, out }, given) {
    const user = await client.call('getUser', { params: { ref: given.arg(0, 'name') } });
    await out.object(user, user.name, async () => {
      const projects = await namesById(client, 'listProjects');
      const tokens = (await everyItem(client, 'listTokens')).filter(({ spec }) => spec.user === user.id);
      const rows = tokens.map(({ name, spec }) => [
        name,
        spec.role,
        spec.project ? (projects.get(spec.project) ?? spec.project) : '',
        spec.revokedAt ? `revoked ${spec.revokedAt}` : (spec.expiresAt ?? 'never'),
      ]);
      return join(
        describeUser(user, projects),
        section('Tokens', subTable(['NAME', 'ROLE', 'PROJECT', 'ENDS'], rows)),
      );
    });
  },
};
