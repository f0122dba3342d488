/**
 * The one way in which the agent runs another program: argv only (no shell), a cleaned environment, no inherited
 * stdin, bounded output, a process group of its own that is killed as a whole on timeout or abort, and that dies
 * with the agent unless `outlivesAgent`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { lineSplitter, tailBuffer } from './lines.ts';

export interface RunOptions {
  cwd?: string;
  /** Added to the cleaned environment (PATH, HOME, LC_ALL, no locale, no proxies). */
  env?: Readonly<Record<string, string>>;
  stdin?: string | Uint8Array;
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
  /** Called with every line as it comes, without its line end. */
  onOutput?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Resource limits (prlimit), for programs that read what others wrote. */
  limits?: { cpuSeconds?: number; addressSpaceBytes?: number; fileBytes?: number };
  /** Exit codes that are an answer, not a failure. Default: 0. */
  okCodes?: readonly number[];
  /** Of each stream the last so many bytes are kept. Default: 1 MiB. */
  keepBytes?: number;
  /** It daemonizes and shall stay (dnsmasq): it is not killed when the agent dies. */
  outlivesAgent?: boolean;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
  /** More came than was kept. */
  truncated: boolean;
}

/** A program that did not do its work; `message` has its name, how it ended and its last line. */
export class ProcessError extends Error {
  readonly reason: 'not-found' | 'cannot-start' | 'exit' | 'signal' | 'timeout' | 'aborted';
  readonly program: string;
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    reason: ProcessError['reason'],
    program: string,
    how: string,
    seen: { code?: number; stdout?: string; stderr?: string; cause?: unknown } = {},
  ) {
    const last = (seen.stderr ?? '').trimEnd().split('\n').at(-1) ?? '';
    super(`${program} ${how}${last === '' ? '' : `: ${last.slice(0, 500)}`}`, { cause: seen.cause });
    this.name = 'ProcessError';
    this.reason = reason;
    this.program = program;
    this.code = seen.code;
    this.stdout = seen.stdout ?? '';
    this.stderr = seen.stderr ?? '';
  }
}

export type Run = (argv: readonly [string, ...string[]], options?: RunOptions) => Promise<RunResult>;

export const CLEAN_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
} as const;

/** Between asking a group to end and killing it. */
const GRACE_MS = 2000;
const DEFAULT_KEEP = 2 ** 20;

/**
 * Runs a program to its end.
 * @throws ProcessError also when the exit code is none of `okCodes`
 */
export const run: Run = async (argv, options = {}) => {
  const program = argv[0];
  if (options.signal?.aborted) throw aborted(program, options.signal);
  const child = start(argv, options);
  const keep = options.keepBytes ?? DEFAULT_KEEP;
  const [stdout, stderr] = [tailBuffer(keep), tailBuffer(keep)];
  collect(child, 'stdout', stdout, options.onOutput);
  collect(child, 'stderr', stderr, options.onOutput);
  child.stdin?.on('error', () => undefined); // a program may end without reading all of it
  child.stdin?.end(options.stdin);

  const guard = guardGroup(child, options);
  try {
    const [code, signal] = await ended(child, program);
    const seen = { stdout: stdout.text(), stderr: stderr.text() };
    if (guard.stopped() === 'timeout')
      throw new ProcessError('timeout', program, `did not end within ${options.timeoutMs} ms`, seen);
    if (guard.stopped() === 'aborted') throw aborted(program, options.signal, seen);
    if (code === null) throw new ProcessError('signal', program, `was killed by ${signal}`, seen);
    if (code === 127 && /^(setpriv|prlimit): failed to execute /m.test(seen.stderr))
      throw new ProcessError('not-found', program, 'is not installed', { code });
    if (!(options.okCodes ?? [0]).includes(code))
      throw new ProcessError('exit', program, `ended with exit code ${code}`, { ...seen, code });
    return { code, ...seen, truncated: stdout.truncated() || stderr.truncated() };
  } finally {
    guard.release();
  }
};

const aborted = (program: string, signal: AbortSignal | undefined, seen = {}) =>
  new ProcessError('aborted', program, 'was stopped', { ...seen, cause: signal?.reason });

function start(argv: readonly [string, ...string[]], options: RunOptions): ChildProcess {
  const [file, ...args] = [...prefix(options), ...argv] as [string, ...string[]];
  return spawn(file, args, {
    cwd: options.cwd ?? '/',
    env: { ...CLEAN_ENV, ...options.env },
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Small programs of util-linux which set something and execute the rest of the line in their place. */
function prefix({ limits, outlivesAgent }: RunOptions): string[] {
  const words: string[] = [];
  if (!outlivesAgent) words.push('setpriv', '--pdeathsig', 'KILL', '--');
  if (limits) {
    words.push('prlimit');
    if (limits.cpuSeconds !== undefined) words.push(`--cpu=${limits.cpuSeconds}`);
    if (limits.addressSpaceBytes !== undefined) words.push(`--as=${limits.addressSpaceBytes}`);
    if (limits.fileBytes !== undefined) words.push(`--fsize=${limits.fileBytes}`);
    words.push('--');
  }
  return words;
}

function collect(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  into: ReturnType<typeof tailBuffer>,
  onOutput: RunOptions['onOutput'],
): void {
  const lines = onOutput && lineSplitter((line) => onOutput(line, name));
  child[name]?.on('data', (chunk: Buffer) => {
    into.push(chunk);
    lines?.push(chunk);
  });
  child[name]?.on('end', () => lines?.end());
}

/** Ends with the process and its output, but does not wait for output of daemons that it left behind. */
function ended(child: ChildProcess, program: string): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'ENOENT' ? 'not-found' : 'cannot-start';
      reject(
        new ProcessError(reason, program, `cannot be started (${cause.code ?? cause.message})`, { cause }),
      );
    });
    child.once('close', (code, signal) => resolve([code, signal]));
    child.once('exit', (code, signal) => {
      const leave = () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve([code, signal]);
      };
      // what it wrote lies in the pipes, and the event loop may have had no turn to read it since
      setTimeout(() => setImmediate(leave), GRACE_MS).unref();
    });
  });
}

/** Stops the whole process group on timeout or abort: SIGTERM, and SIGKILL to what is left after GRACE_MS. */
function guardGroup(child: ChildProcess, { timeoutMs, signal }: RunOptions) {
  let why: 'timeout' | 'aborted' | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (because: 'timeout' | 'aborted') => {
    if (why !== undefined) return;
    why = because;
    killGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
  };
  const onAbort = () => stop('aborted');
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => stop('timeout'), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    stopped: () => why,
    release() {
      clearTimeout(timer);
      clearTimeout(killTimer);
      signal?.removeEventListener('abort', onAbort);
      if (why !== undefined) killGroup(child, 'SIGKILL');
    },
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: all of it has ended already.
  }
}
