/** Running other programs: argument arrays, never a shell. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { err } from '@gantry/model';

const SEARCH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Where the program is, if it is installed. */
export function findProgram(name: string): string | undefined {
  return SEARCH.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @throws GantryError `host_unfit` with what it printed when it fails */
export async function run(program: string, args: readonly string[], remedy: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(findProgram(program) ?? program, [...args], {
      encoding: 'utf8',
    });
    return stdout;
  } catch (error) {
    const printed = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw err(
      'host_unfit',
      { why: `${program} ${args[0] ?? ''} failed: ${printed.slice(-500)}`, remedy },
      error,
    );
  }
}

/** Did it end with 0? */
export async function succeeds(program: string, args: readonly string[]): Promise<string | undefined> {
  const found = findProgram(program);
  if (!found) return undefined;
  return await promisify(execFile)(found, [...args], { encoding: 'utf8' }).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}
