import { err } from '@gantry/model';
import { noSuchContext, readConfig } from '../../config.ts';
import { entries } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { fingerprintOf } from './add.ts';
import { contextNames } from './use.ts';

export const contextShow: Verb = {
  words: 'context show',
  summary: 'a context, without asking the cluster; its token is not shown',
  arguments: [
    { name: '[NAME]', description: 'name of the context, default: the current one', complete: contextNames },
  ],
  examples: ['gantry context show', 'gantry context show lab -o json'],
  async run({ io, out }, given) {
    const { contexts, current } = readConfig(io.env);
    const name = given.args[0] ?? current;
    if (name === undefined) throw err('usage', { what: 'no context is current: name one' });
    const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
    if (!context) throw noSuchContext(contexts, name);
    const shown = {
      name,
      server: context.url,
      current: name === current,
      token: context.token !== undefined,
      ...(context.ca ? { fingerprint: fingerprintOf(context.ca) } : {}),
    };
    await out.object(shown, name, () =>
      entries([
        ['name', name],
        ['server', shown.server],
        ['fingerprint', shown.fingerprint],
        ['current', shown.current ? 'yes' : 'no'],
        ['token', shown.token ? 'yes' : 'no'],
      ]),
    );
  },
};
