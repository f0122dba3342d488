/** A command of an administrator, as root: argument array, no shell, no input, a process group of its own that ends with its tunnel. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { EXEC_TIMEOUT_MS, type ExecCommand, err } from '@gantry/model';
import { CLEAN_ENV } from '../process/run.ts';
import type { Say } from './say.ts';

const GRACE_MS = 2000;
/** What a program can have written that was not read when it ended: two pipes, and as much again in our streams. */
const LEFT_BYTES = 4 * 64 * 1024;
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
    const flow = { bytes: 0, saying: 0, mostBytes: Number.POSITIVE_INFINITY };
    const output = Promise.all([pass(child.stdout, 'out', say, flow), pass(child.stderr, 'err', say, flow)]);
    const [code, killedBy] = await ended;
    await rest(output, flow);
    child.stdout.destroy();
    child.stderr.destroy();
    await output;
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

/** What has been passed on, and how much of it just now. */
interface Flow {
  bytes: number;
  saying: number;
  /** No more of it is passed on. */
  mostBytes: number;
}

async function pass(stream: Readable, as: 'out' | 'err', say: Say, flow: Flow): Promise<void> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>)
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        const data = piece.toString('base64');
        flow.saying++;
        await say(as === 'out' ? { out: data } : { err: data }).finally(() => flow.saying--);
        flow.bytes += piece.length;
        if (flow.bytes > flow.mostBytes) return;
      }
  } catch {
    // the tunnel is gone, and with it the command; or nobody waits for what is left in the background
  }
}

/**
 * Until all that the program wrote is passed on, however slowly it is taken. What it left running in the background may keep
 * its output open for ever, or write without end: that is not waited for.
 */
async function rest(output: Promise<unknown>, flow: Flow): Promise<void> {
  flow.mostBytes = flow.bytes + LEFT_BYTES;
  for (let seen = -1; flow.saying > 0 || flow.bytes !== seen; ) {
    seen = flow.bytes;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<'silence'>((resolve) => {
      timer = setTimeout(resolve, GRACE_MS, 'silence');
    });
    const came = await Promise.race([output, silence]);
    clearTimeout(timer);
    if (came !== 'silence') return;
  }
}

/** Ends the whole group when its time is over or nobody waits for it any more. */
function guardGroup(child: ChildProcess, timeoutMs: number, signal: AbortSignal) {
  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
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
    release() {
      for (const each of [timer, killTimer]) clearTimeout(each);
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
