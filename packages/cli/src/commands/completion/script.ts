import { type Shell, shells } from '../../completion/scripts.ts';
import type { Verb } from '../../verb.ts';

const scriptVerb = (shell: Shell, example: string): Verb => ({
  words: `completion ${shell}`,
  summary: `print the completion script of ${shell}`,
  examples: [example],
  async run({ io }) {
    io.stdout.write(shells[shell]);
  },
});

export const completionBash = scriptVerb('bash', 'source <(gantry completion bash)');
export const completionZsh = scriptVerb('zsh', 'source <(gantry completion zsh)');
export const completionFish = scriptVerb('fish', 'gantry completion fish | source');
