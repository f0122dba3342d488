/** The `gantry` command. */
import { err } from '@gantry/model';
import { processIo } from './io.ts';
import { reportError } from './report-error.ts';
import { run } from './run.ts';

const io = processIo();
// A reader that goes away (`gantry ... | head`) ends the command, silently, as it ends any other.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  const where = 'standard output';
  const known =
    error.code === 'ENOSPC'
      ? err('no_space', { where }, error)
      : err('invalid_argument', { what: where, wanted: `writable: ${error.message}` }, error);
  process.exit(reportError(io, known));
});
// What is done is done also where nobody reads of it.
process.stderr.on('error', () => undefined);
const code = await run(process.argv.slice(2), io);
// A daemon that this process became has set its own.
process.exitCode ||= code;
