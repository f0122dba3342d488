/** Global set-up of the unit tests: a temporary folder for each run, which must be empty when the last test is over. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Node's own, of tools that switch it on. */
const notOurs = 'node-compile-cache';
let folder = '';

export function setup(): void {
  // Short: sockets lie below it, and their paths have at most 107 bytes.
  folder = mkdtempSync(join(tmpdir(), 'gy-'));
  process.env['TMPDIR'] = folder;
}

export function teardown(): void {
  const left = readdirSync(folder).filter((name) => name !== notOurs);
  rmSync(folder, { recursive: true });
  if (left.length > 0) throw new Error(`the unit tests left behind: ${left.join(', ')}`);
}
