/** A command of an administrator, as root: argument array, no shell, no input, a process group of its own that ends with its tunnel. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { EXEC_TIMEOUT_MS, type ExecCommand, err } from '@gantry/model';
import { CLEAN_ENV } from '../process/run.ts';
import type { Say } from './say.ts';

const GRACE_MS = 2000;
/** What is sent in one line, before base64. */
const PIECE_BYTES = 64 * 1024;

/** @throws GantryError `invalid_argument` when the program cannot be started */
export async function execute(
  { argv, timeoutMs }: ExecCommand,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
    cwd: '/',
    env: CLEAN_ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) =>
    child.once('error', reject).once('exit', (code, killedBy) => resolve([code, killedBy])),
  );
  const guard = guardGroup(child, timeoutMs ?? EXEC_TIMEOUT_MS, signal);
  try {
    const output = Promise.all([pass(child.stdout, 'out', say), pass(child.stderr, 'err', say)]);
    const [code, killedBy] = await ended;
    // what it left running in the background may keep its output open for ever
    await Promise.race([output, guard.patience()]);
    signal.throwIfAborted();
    const end = { ...(code === null ? {} : { code }), ...(killedBy ? { signal: killedBy } : {}) };
    await say({ end: { ...end, timedOut: guard.timedOut() } });
  } catch (error) {
    signal.throwIfAborted();
    throw err('invalid_argument', { what: `the program ${argv[0]}`, wanted: 'one that starts' }, error);
  } finally {
    guard.release();
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

async function pass(stream: Readable, as: 'out' | 'err', say: Say): Promise<void> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>)
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const data = chunk.subarray(at, at + PIECE_BYTES).toString('base64');
        await say(as === 'out' ? { out: data } : { err: data });
      }
  } catch {
    // the tunnel is gone, and with it the command
  }
}

/** Ends the whole group when its time is over or nobody waits for it any more. */
function guardGroup(child: ChildProcess, timeoutMs: number, signal: AbortSignal) {
  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  let patienceTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    kill(child, 'SIGTERM');
    killTimer = setTimeout(() => kill(child, 'SIGKILL'), GRACE_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, timeoutMs);
  signal.addEventListener('abort', stop, { once: true });
  return {
    timedOut: () => timedOut,
    patience: () =>
      new Promise<void>((resolve) => {
        patienceTimer = setTimeout(resolve, GRACE_MS);
      }),
    release() {
      for (const each of [timer, killTimer, patienceTimer]) clearTimeout(each);
      signal.removeEventListener('abort', stop);
      if (timedOut || signal.aborted) kill(child, 'SIGKILL');
    },
  };
}

function kill({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // all of it has ended already
  }
}
