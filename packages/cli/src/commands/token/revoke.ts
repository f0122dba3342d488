import { tokenNames } from '../../names.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';

export const tokenRevoke: Verb = {
  words: 'token revoke',
  summary: 'end tokens at once, with the streams and consoles that they opened',
  details: 'They stay listed for a month, and whoever shows one is told that it was revoked.',
  arguments: [{ name: 'NAME...', description: 'names or ids of tokens', complete: tokenNames }],
  flags: [planFlag],
  examples: ['gantry token revoke ci'],
  async run(session, given) {
    const plan = given.on('plan');
    for (const ref of given.args) {
      const token = await session.client.call('revokeToken', {
        params: { ref },
        query: plan ? { plan } : {},
      });
      const how = plan ? 'would be revoked' : 'is revoked';
      await session.out.object(token, token.name, () => `token ${token.name} ${how}`);
    }
  },
};
