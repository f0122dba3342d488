import { noSuchContext, readConfig, writeConfig } from '../../config.ts';
import type { Verb } from '../../verb.ts';
import { contextNames } from './use.ts';

export const contextRemove: Verb = {
  words: 'context remove',
  summary: 'forget clusters, and the tokens that are kept for them; the tokens stay valid',
  arguments: [{ name: 'NAME...', description: 'names of contexts', complete: contextNames }],
  examples: ['gantry context remove lab'],
  async run(session, given) {
    const { contexts: known } = readConfig(session.io.env);
    const missing = given.args.find((name) => !Object.hasOwn(known, name));
    if (missing !== undefined) throw noSuchContext(known, missing);
    await session.confirm(`Forget context ${given.args.join(', ')}?`);
    // read again: while he was asked, others may have been added
    const { contexts, current } = readConfig(session.io.env);
    const kept = Object.entries(contexts).filter(([name]) => !given.args.includes(name));
    const still = current !== undefined && !given.args.includes(current);
    writeConfig(session.io.env, { contexts: Object.fromEntries(kept), ...(still ? { current } : {}) });
    session.note(`forgotten: ${given.args.join(', ')}`);
    for (const context of given.args) await session.out.done('context.remove', { context }, context);
  },
};
