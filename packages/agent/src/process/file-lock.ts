/**
 * A lock between processes, held by a small `flock` process of ours: the kernel frees it when that one ends, and it ends
 * with the agent.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `work` while holding an exclusive lock on the file (made if it is not there). Waits for whoever holds it.
 * @param onWait called when it has to wait
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  { signal, onWait }: { signal: AbortSignal; onWait?: () => void },
): Promise<T> {
  let release = await lock(path, true, signal);
  if (!release) {
    onWait?.();
    release = await lock(path, false, signal);
  }
  try {
    return await work();
  } finally {
    await release?.();
  }
}

/** Exit code of `flock --nonblock` when another holds the lock. */
const HELD = 75;

async function lock(
  path: string,
  nonblock: boolean,
  signal: AbortSignal,
): Promise<(() => Promise<void>) | undefined> {
  const how = nonblock ? ['--nonblock', '--conflict-exit-code', String(HELD)] : [];
  const argv = [
    '--pdeathsig',
    'KILL',
    '--',
    'flock',
    ...how,
    '--no-fork',
    path,
    'sh',
    '-c',
    'echo; exec cat',
  ];
  const child = spawn('setpriv', argv, { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  let why = '';
  child.stderr.on('data', (chunk: Buffer) => {
    why += chunk.toString();
  });
  const first = await Promise.race([once(child.stdout, 'data').then(() => 'locked'), closed]);
  if (first === 'locked')
    return async () => {
      child.stdin.end();
      await closed.catch(() => undefined); // aborted: it was killed, and the lock is free
    };
  signal.throwIfAborted();
  if (nonblock && child.exitCode === HELD) return undefined;
  throw new Error(`${path} cannot be locked: ${why.trim() || `flock ended with ${child.exitCode}`}`);
}
