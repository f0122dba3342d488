/** The openssl program: argument arrays, input by stdin or by files that only we may read. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { err } from '@gantry/model';

/** A key is a matter of luck, and of the machine: 40 s were seen on a busy one that is emulated. */
const LIMIT_MS = 300_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Said {
  code: number | null;
  /** That ended it, where one did. */
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs it to its end, whatever that is. @throws GantryError `host_unfit` when it is not installed */
export async function openssl(args: readonly string[], stdin = ''): Promise<Said> {
  const child = spawn('openssl', [...args], {
    stdio: 'pipe',
    env: { PATH, LC_ALL: 'C' },
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => undefined); // it may end without reading all of it
  child.stdin.end(stdin);
  const ended = new Promise<Pick<Said, 'code' | 'signal'>>((resolve, reject) =>
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal })),
  );
  try {
    const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { ...end, stdout, stderr };
  } catch (error) {
    const why = `openssl cannot be run: ${(error as Error).message}`;
    throw err('host_unfit', { why, remedy: 'apt-get install openssl' }, error);
  }
}

/** Its output. @throws Error with what it said when it fails */
export async function opensslOutput(args: readonly string[], stdin?: string): Promise<string> {
  const { code, signal, stdout, stderr } = await openssl(args, stdin);
  if (code === 0) return stdout;
  const end = signal ? `was ended by ${signal}, after ${LIMIT_MS / 1000} s at most` : `ended with ${code}`;
  throw new Error(`openssl ${args[0]} ${end}: ${stderr.trim().slice(-500)}`);
}
