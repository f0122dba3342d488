/** The `gantry` command. */
import { processIo } from './io.ts';
import { run } from './run.ts';

// A reader that goes away (`gantry ... | head`) ends the command, silently, as it ends any other.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
const code = await run(process.argv.slice(2), processIo());
// A daemon that this process became has set its own.
process.exitCode ||= code;
