/** The command from its words to its exit code. */
import { CommanderError } from 'commander';
import { verbs } from './commands/all.ts';
import { completeVerb } from './commands/completion/complete.ts';
import type { Io } from './io.ts';
import { buildProgram } from './program.ts';
import { reportError } from './report-error.ts';
import { Session } from './session.ts';

/** Runs `gantry ...words` and answers its exit code (reference: the error registry's `exit`). Never throws. */
export async function run(words: readonly string[], io: Io): Promise<number> {
  let session: Session | undefined;
  const complete = completeVerb(() => buildProgram(verbs, async () => undefined));
  const program = buildProgram([...verbs, complete], async (verb, globals, given) => {
    session = new Session(io, globals);
    await verb.run(session, given);
  });
  program.configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
  });
  for (const command of everyCommand(program)) command.copyInheritedSettings(program);
  try {
    await program.parseAsync([...words], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError && error.code === 'commander.help') return 2;
    return reportError(io, error);
  } finally {
    session?.close();
  }
}

type Program = ReturnType<typeof buildProgram>;
export function* everyCommand(command: Program): Generator<Program> {
  for (const child of command.commands) {
    yield child;
    yield* everyCommand(child);
  }
}
