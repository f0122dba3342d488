import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { until } from './wait.ts';

const execute = promisify(execFile);

/** A network namespace of the test's own, with nothing but lo in it. */
export interface Namespace {
  readonly name: string;
  /** Runs `argv` inside. Rejects with what it wrote when it fails. */
  exec(...argv: string[]): Promise<string>;
  /** Removes it; processes that still run in it keep it alive unseen. */
  remove(): Promise<void>;
}

/** Makes a namespace whose name begins with `role`; needs root and iproute2. */
export async function namespace(role: string): Promise<Namespace> {
  const name = `gantry-${role}-${randomBytes(4).toString('hex')}`;
  await execute('ip', ['netns', 'add', name]);
  await execute('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  return {
    name,
    exec: (...argv) =>
      execute('ip', ['netns', 'exec', name, ...argv]).then(
        ({ stdout }) => stdout,
        (error: Error & { stdout?: string }) => {
          throw new Error(`${error.message}\n${error.stdout ?? ''}`, { cause: error });
        },
      ),
    remove: async () => {
      await execute('ip', ['netns', 'del', name]);
    },
  };
}

/** A cable: `a`'s interface `aName` to `b`'s `bName`, both up. */
export async function cable(a: Namespace, aName: string, b: Namespace, bName: string): Promise<void> {
  await execute('ip', [
    '-n',
    a.name,
    'link',
    'add',
    aName,
    'type',
    'veth',
    'peer',
    'name',
    bName,
    'netns',
    b.name,
  ]);
  await execute('ip', ['-n', a.name, 'link', 'set', aName, 'up']);
  await execute('ip', ['-n', b.name, 'link', 'set', bName, 'up']);
}

/** All interfaces with their addresses, without what changes by itself, once these have their link-local ones, which come late. */
export async function settledLinks(inside: Namespace, ...names: readonly string[]): Promise<string> {
  const hasAddress = async (name: string) =>
    / fe80:(?!.* tentative)/.test(await inside.exec('ip', '-6', '-o', 'addr', 'show', 'dev', name));
  for (const name of names) await until(`the link-local address of ${name}`, () => hasAddress(name));
  return (await inside.exec('ip', '-d', 'addr')).replaceAll(/gc_timer +\S+| tentative/g, '');
}

/** Another process that does what it is told, one JSON line a call. */
export interface Driver {
  readonly pid: number;
  call<T>(method: string, ...args: unknown[]): Promise<T>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

/** Starts `script` inside the namespace; it answers `{id, method, args}` with `{id, result}` or `{id, error}`. */
export function driver(inside: Namespace, script: string, ...args: string[]): Driver {
  const child: ChildProcess = spawn('ip', ['netns', 'exec', inside.name, process.execPath, script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let last = 0;
  if (!child.stdin || !child.stdout || child.pid === undefined) throw new Error('the driver did not start');
  createInterface(child.stdout).on('line', (line) => {
    const answer = JSON.parse(line) as { id: number; result?: never; error?: string };
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error === undefined) call?.resolve(answer.result as never);
    else call?.reject(new Error(answer.error));
  });
  void ended.then(() => {
    for (const call of waiting.values()) call.reject(new Error('the driver ended'));
  });
  return {
    pid: child.pid,
    call: (method, ...rest) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve, reject });
        child.stdin?.write(`${JSON.stringify({ id, method, args: rest })}\n`);
      }),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
