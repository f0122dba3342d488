import { type Body, parseDurationMs, userRoles } from '@gantry/model';
import { userNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';

export const tokenCreate: Verb = {
  words: 'token create',
  summary: 'make a token; its secret is printed this once',
  details:
    'Only a hash of the secret is kept. A token may what its user may, or less: --role lowers it, --project keeps it to one project.',
  arguments: [{ name: '[NAME]', description: 'name of the token, default: the user’s with a number' }],
  flags: [
    { flags: '--user <user>', description: 'whose token, default: your own', complete: userNames },
    {
      flags: '--role <role>',
      description: 'what it may at most, default: all that its user may now',
      choices: userRoles,
    },
    {
      flags: '--expires <duration>',
      description: 'valid for so long, such as 30d; default: until it is revoked',
    },
  ],
  examples: [
    'gantry token create --user eve --expires 30d',
    'gantry token create ci --project web --role operator --expires 90d',
    'gantry token create me -o name',
  ],
  async run(session, given) {
    const { client, out } = session;
    const [name] = given.args;
    const spec = {
      ...given.string('role', 'role'),
      ...given.string('user', 'user'),
      ...given.put('expiresAt', 'expires', (text) =>
        new Date(Date.now() + parseDurationMs(text)).toISOString(),
      ),
    } as Body<'createToken'>['spec'];
    const made = await client.call('createToken', { body: { ...(name ? { name } : {}), spec } });
    session.note(`token ${made.token.name} (${made.token.spec.role}); its secret is shown this once:`);
    await out.object(made, made.secret, () => made.secret);
  },
};
