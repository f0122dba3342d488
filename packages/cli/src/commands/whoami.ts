import { entries } from '../output/describe.ts';
import type { Verb } from '../verb.ts';

export const whoami: Verb = {
  words: 'whoami',
  summary: 'whose token this is, and what it may',
  examples: ['gantry whoami', 'gantry --cluster lab whoami'],
  async run({ client, out }) {
    const told = await client.call('whoami', {});
    const { token, user, role, projects } = told;
    await out.object(told, user?.name ?? token.name, () =>
      entries([
        ['user', user?.name ?? 'none'],
        ['role', role ?? 'none in the whole cluster'],
        ['projects', projects.map((one) => `${one.name}:${one.role}`).join(' ')],
        ['token', token.name],
        ['valid until', token.spec.expiresAt ?? 'it is revoked'],
      ]),
    );
  },
};
