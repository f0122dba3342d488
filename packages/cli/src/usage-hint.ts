/** What to do after words that make no command. */
import type { Command } from 'commander';

/** The deepest command that the words lead to; options on the way, with or without a value, are passed over. */
export function commandMeant(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const [at, word] of words.entries()) {
    if (word === '--') break;
    if (word.startsWith('-')) continue;
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next) command = next;
    else if (!isValueOf(words[at - 1])) break;
  }
  return command;
}

const isValueOf = (before: string | undefined): boolean =>
  before?.startsWith('-') === true && !before.includes('=');

/** One line: the verbs of a noun, or where the command is explained. */
export function usageHint(program: Command, words: readonly string[]): string {
  const command = commandMeant(program, words);
  const verb = verbOfInstances(program, words);
  if (verb !== undefined) return `Did you mean \`gantry instance ${verb}\`?`;
  const path = pathOf(command);
  const verbs = program
    .createHelp()
    .visibleCommands(command)
    .map((one) => one.name())
    .sort();
  return command === program
    ? '`gantry help` lists the commands.'
    : verbs.length > 0
      ? `After \`${path}\` comes one of: ${verbs.join(', ')}.`
      : `\`${path} --help\` explains it.`;
}

/** Who begins with the verb means an instance, in most other tools: `gantry stop web1`. */
export function verbOfInstances(program: Command, words: readonly string[]): string | undefined {
  if (commandMeant(program, words) !== program) return undefined;
  const word = words.find((one, at) => !one.startsWith('-') && !isValueOf(words[at - 1]));
  const verbs = program.commands.find((one) => one.name() === 'instance')?.commands ?? [];
  return verbs.some((one) => one.name() === word) ? word : undefined;
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
