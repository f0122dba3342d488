import type { Command } from 'commander';
import { candidatesFor } from '../../completion/walker.ts';
import type { Verb } from '../../verb.ts';

/** What the shells' scripts call: one candidate a line, `value<TAB>description`. Never says anything else. */
export const completeVerb = (program: () => Command): Verb => ({
  words: '__complete',
  summary: 'candidates for the last of the words, for completion scripts',
  hidden: true,
  raw: true,
  arguments: [{ name: '[WORD...]', description: 'the words of the command line after gantry' }],
  examples: ['gantry __complete -- instance sh'],
  async run(session, given) {
    const words = given.args[0] === '--' ? given.args.slice(1) : given.args;
    const found = await candidatesFor(session, program(), words).catch(() => []);
    const clean = (text: string) => text.replace(/[\u0000-\u001f\u007f]/g, ' ');
    for (const [value, description] of found)
      session.out.line(description ? `${clean(value)}\t${clean(description)}` : clean(value));
  },
});
