/** The command from its words to its exit code. */
import { err, type GantryError } from '@gantry/model';
import { CommanderError } from 'commander';
import type { Io } from './io.ts';
import { printable } from './output/printable.ts';
import { buildProgram } from './program.ts';
import { asGantryError, reportError } from './report-error.ts';
import { type Connect, Session } from './session.ts';
import { usageHint, verbOfInstances } from './usage-hint.ts';
import type { Verb } from './verb.ts';

/** Runs `gantry ...words` and answers its exit code (reference: the error registry's `exit`). Never throws. */
export async function run(words: readonly string[], io: Io): Promise<number> {
  let session: Session | undefined;
  const { verbs, connect } = await commandsFor(words);
  const program = buildProgram(verbs, async (verb, globals, given) => {
    session = new Session(io, globals, connect);
    await verb.run(session, given);
    if (given.on('plan')) session.note('only a plan: nothing was changed');
  });
  program.configureOutput({
    writeOut: (text) => io.stdout.write(printable(text)),
    writeErr: (text) => io.stderr.write(printable(text)),
  });
  for (const command of everyCommand(program)) command.copyInheritedSettings(program);
  try {
    await program.parseAsync([...words], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError && error.code === 'commander.help') return 2;
    const known = verbOfInstances(program, words) === undefined ? asGantryError(error) : unguessed(error);
    return reportError(io, known, known.code === 'usage' ? usageHint(program, words) : known.hint);
  } finally {
    session?.close();
  }
}

/**
 * The commands that the words can mean. Those that only read files get by without the others: loading all takes longer
 * than what they do.
 */
async function commandsFor([noun = '', verb = '']: readonly string[]): Promise<Commands> {
  if (noun === 'placement' && ['allocate', 'balance', 'capacity'].includes(verb))
    return { verbs: (await import('./commands/placement/offline.ts')).offlineVerbs };
  const [{ verbs }, { completeVerb }, { connect }] = await Promise.all([
    import('./commands/all.ts'),
    import('./commands/completion/complete.ts'),
    import('./connect.ts'),
  ]);
  return { verbs: [...verbs, completeVerb(() => buildProgram(verbs, async () => undefined))], connect };
}

interface Commands {
  verbs: readonly Verb[];
  /** Undefined: none of them needs a cluster. */
  connect?: Connect;
}

/** Without commander’s own guess among the nouns. */
function unguessed(error: unknown): GantryError {
  const known = asGantryError(error);
  const what = known.code === 'usage' ? String(known.params['what']).split('\n')[0] : undefined;
  return what === undefined ? known : err('usage', { what });
}

type Program = ReturnType<typeof buildProgram>;
export function* everyCommand(command: Program): Generator<Program> {
  for (const child of command.commands) {
    yield child;
    yield* everyCommand(child);
  }
}
