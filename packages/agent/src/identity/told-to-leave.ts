/**
 * The controller's word that this node leaves its cluster. It is on the disk before it is answered: then the controller may
 * forget the node, and whatever crashes, the agent goes on with leaving when it starts again, and asks nobody any more. What
 * takes the agent off, with its unit and its files, is the command that set it up (`--leave-by MODULE`), or the one beside it.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, type LeaveWith } from '@gantry/model';
import type { Env, Host } from '../env.ts';
import { writeDurably } from '../host/durable.ts';
import { requireClearable } from './clear-node.ts';

export interface LeavingParts {
  state: string;
  /** Module of the `gantry` command; undefined on the controller's own machine, whose agent goes with the cluster. */
  by: string | undefined;
  env: Pick<Env, 'clock' | 'log'>;
  host: Pick<Host, 'observe'>;
}

/** With the word of what of guests may go. */
const leavingFile = (state: string): string => join(state, 'agent', 'leaving');

/** The answer travels before the agent is stopped. */
const ANSWER_MS = 1000;
const AGAIN_MS = 10_000;

/** @throws GantryError `in_use`, `host_unfit`, `not_supported`; then nothing was changed */
export async function beToldToLeave(
  { state, by, env, host }: LeavingParts,
  { cluster, guests }: { cluster: string; guests: LeaveWith },
): Promise<void> {
  if (by === undefined)
    throw err('not_supported', {
      what: 'leaving the cluster from here',
      instead:
        'This node goes with `gantry cluster destroy`; one set up by an older release by `gantry node leave` on it.',
    });
  await requireClearable({ host, cluster }, guests);
  await writeDurably(leavingFile(state), `${guests}\n`);
  env.log('info', 'the controller takes this node out of its cluster', { guests });
  void leaveSoon(state, by, env);
}

/** A disk that is full may have room again; whatever ends this agent meanwhile, the next one goes on. */
async function leaveSoon(state: string, by: string, { clock, log }: LeavingParts['env']): Promise<void> {
  for (let waitMs = ANSWER_MS; ; waitMs = AGAIN_MS) {
    await clock.sleep(waitMs);
    try {
      return startLeaving(state, by);
    } catch (error) {
      log('error', 'leaving the cluster cannot be begun; it is tried again', { error: String(error) });
    }
  }
}

/** What was begun before this agent was started goes on. True: there is nothing else to do here. */
export async function resumeLeaving(
  state: string,
  by: string | undefined,
  log: Env['log'],
): Promise<boolean> {
  const told = await readFile(leavingFile(state), 'utf8').catch(() => undefined);
  if (told === undefined || by === undefined) return false;
  log('info', 'this node is leaving its cluster');
  startLeaving(state, by);
  return true;
}

/** In a process of its own, which ends this one. */
function startLeaving(state: string, by: string): void {
  // whoever clears away logs may have taken the folder with them
  mkdirSync(join(state, 'log'), { recursive: true, mode: 0o750 });
  const log = openSync(join(state, 'log', 'leave.log'), 'a', 0o640);
  const leaving = spawn(process.execPath, [by, 'node', 'leave', '--yes', '--state', state], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log],
  });
  leaving.on('error', () => undefined).unref();
  closeSync(log);
}
