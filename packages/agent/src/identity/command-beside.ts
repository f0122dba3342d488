import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The `gantry` command that this agent came with: beside its bundle in a release, in its own package in a checkout. It is
 * what takes the agent off where nobody said another one (an agent started by hand, or by a unit of an older release).
 * @returns undefined where it is not there: copies of the daemons alone, on the controller's machine
 */
export function commandBeside(here: string = import.meta.filename): string | undefined {
  const command = here.endsWith('.ts')
    ? join(dirname(here), '../../../cli/src/main.ts')
    : join(dirname(here), 'gantry.mjs');
  return existsSync(command) ? command : undefined;
}
