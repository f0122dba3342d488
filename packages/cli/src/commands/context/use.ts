import { checkEndpoint } from '@gantry/client';
import { contextName, noSuchContext, readConfig, writeConfig } from '../../config.ts';
import { readText } from '../../parse.ts';
import type { Complete, Verb } from '../../verb.ts';

export const contextNames: Complete = ({ io }) =>
  Object.entries(readConfig(io.env).contexts).map(([name, { url }]) => [name, url] as const);

export const contextUse: Verb = {
  words: 'context use',
  summary: 'the cluster that commands speak with unless told otherwise',
  details:
    'With --url the context is made or changed; its token is read from GANTRY_TOKEN, so that it stands in no history.',
  arguments: [{ name: 'NAME', description: 'name of the context', complete: contextNames }],
  flags: [
    { flags: '--url <url>', description: 'unix:/path/to/api.sock or http(s)://HOST:PORT' },
    {
      flags: '--ca <file>',
      description: 'certificate of the cluster’s authority: STATE/controller/ca/ca.pem of its controller',
    },
  ],
  examples: [
    'gantry context use lab',
    'GANTRY_TOKEN=$(cat token) gantry context use lab --url https://gantry.example:7460 --ca ca.pem',
  ],
  async run(session, given) {
    const { env } = session.io;
    const name = given.arg(0, 'name');
    const config = readConfig(env);
    const url = given.text('url');
    const token = env['GANTRY_TOKEN'];
    const known = Object.hasOwn(config.contexts, name) ? config.contexts[name] : undefined;
    if (url === undefined && !known) throw noSuchContext(config.contexts, name);
    if (!known) contextName(name);
    if (url !== undefined) checkEndpoint({ url, ...(token ? { token } : {}) });
    const ca = given.put('ca', 'ca', readText);
    const context = url === undefined ? known : { url, ...(token ? { token } : {}), ...ca };
    writeConfig(env, {
      current: name,
      contexts: { ...config.contexts, ...(context ? { [name]: context } : {}) },
    });
    session.note(`commands now speak with ${name}`);
    await session.out.done('context.use', { context: name }, name);
  },
};
