import { spawn } from 'node:child_process';
import { LIMIT_MS } from './wait.ts';

export interface Ran {
  /** 128 + its number where a signal ended it, as shells count. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Its standard input; without it there is none. */
  readonly input?: string;
  /** Then it is killed, which is an error. */
  readonly limitMs?: number;
}

/** A command to its end, whatever that is. */
export function run(
  argv: readonly string[],
  { env, input, limitMs = LIMIT_MS }: RunOptions = {},
): Promise<Ran> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(env ? { env } : {}) });
    const said = { stdout: '', stderr: '' };
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${argv.join(' ')} did not end within ${limitMs} ms\n${said.stdout}\n${said.stderr}`));
    }, limitMs);
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(late);
      resolve({ code: code ?? (signal === 'SIGKILL' ? 137 : 255), ...said });
    });
    // It may end without reading.
    child.stdin.on('error', () => undefined).end(input ?? '');
  });
}

/** What a command that goes on for ever has written by the time that it shows this: then it is told to end, as by Ctrl-C. */
export async function runUntil(
  shown: RegExp,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  let said = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    said += String(chunk);
    if (shown.test(said)) child.kill('SIGINT');
  }
  clearTimeout(late);
  if (!shown.test(said)) throw new Error(`${argv.join(' ')} never showed ${shown}:\n${said}`);
  return said;
}

/** What it wrote to standard output. @throws unless it exits with 0 */
export async function succeed(argv: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}
