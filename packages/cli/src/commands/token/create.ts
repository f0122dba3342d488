import { type Body, parseDurationMs } from '@gantry/model';
import { projectNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';

export const tokenCreate: Verb = {
  words: 'token create',
  summary: 'make a token; its secret is printed this once',
  arguments: [{ name: 'NAME', description: 'name of the token' }],
  flags: [
    {
      flags: '--role <role>',
      description: 'what it may',
      choices: ['admin', 'operator', 'viewer'],
      required: true,
    },
    { flags: '--for <project>', description: 'only in this project', complete: projectNames },
    { flags: '--expires <duration>', description: 'valid for so long, such as 30d' },
  ],
  examples: [
    'gantry token create ci --role operator --for web --expires 30d',
    'gantry token create me --role admin -o name',
  ],
  async run(session, given) {
    const { client, out } = session;
    const name = given.arg(0, 'name');
    const project = given.text('for');
    const found =
      project === undefined ? undefined : await client.call('getProject', { params: { ref: project } });
    const spec = {
      role: given.text('role'),
      ...(found ? { project: found.id } : {}),
      ...given.put('expiresAt', 'expires', (text) =>
        new Date(Date.now() + parseDurationMs(text)).toISOString(),
      ),
    } as Body<'createToken'>['spec'];
    const made = await client.call('createToken', { body: { name, spec } });
    session.note('the secret is shown this once:');
    await out.object(made, made.secret, () => made.secret);
  },
};
