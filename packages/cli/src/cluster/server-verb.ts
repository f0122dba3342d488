/** What the controller's program does once, as its own user: it answers with a line of JSON. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { err } from '@gantry/model';
import type { Programs } from './daemons.ts';
import type { Owner } from './files.ts';

export interface ServerVerb {
  verb: 'init' | 'backup' | 'restore' | 'recover';
  state: string;
  /** For messages: `the store could not be made`. */
  failed: string;
  input?: string;
}

/** @throws GantryError `host_unfit` with what it said */
export async function serverVerb<T>(
  { node, server }: Programs,
  owner: Owner,
  { verb, state, failed, input }: ServerVerb,
): Promise<T> {
  const child = spawn(node, [server, verb, '--state', state], { ...owner, cwd: '/', stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const ended = new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  const [out, said, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code === 0) return JSON.parse(out) as T;
  const why = said.trim().replace(/^error: /, '') || `it ended with ${code}`;
  throw err('host_unfit', { why: `${failed}: ${why}`, remedy: 'Correct it and repeat the command.' });
}
