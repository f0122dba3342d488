import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandOutput, NodeCommand } from '@gantry/model';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { serveCommand } from './serve-command.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-commands-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});

interface Seen {
  out: string;
  err: string;
  last: CommandOutput | undefined;
}

/** One that nobody has asked for yet is over too. */
const isAlive = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const noGuests = () => Promise.reject(new Error('no guests here'));

/** Plays the controller; `rest` are the bytes after the line. */
async function ask(
  command: NodeCommand | string,
  rest: readonly Uint8Array[] = [],
  stop = new AbortController(),
): Promise<Seen> {
  const [near, far] = duplexPair();
  for (const end of [near, far]) end.on('error', () => undefined);
  const served = serveCommand(far, noGuests, stop.signal).catch(() => far.destroy());
  near.write(`${typeof command === 'string' ? command : JSON.stringify(command)}\n`);
  for (const chunk of rest) near.write(chunk);
  if (rest.length === 0) near.end();
  let text = '';
  try {
    for await (const chunk of near) text += String(chunk);
  } catch {
    // it broke off
  }
  await served;
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as CommandOutput);
  const all = (key: 'out' | 'err') =>
    Buffer.concat(
      lines.flatMap((line) =>
        key in line ? [Buffer.from((line as { [k in typeof key]: string })[key], 'base64')] : [],
      ),
    ).toString();
  return { out: all('out'), err: all('err'), last: lines.at(-1) };
}
const exec = (argv: string[], timeoutMs?: number) =>
  ask({ do: 'exec', argv, ...(timeoutMs === undefined ? {} : { timeoutMs }) });

describe('commands', () => {
  test('output of both kinds and the exit code come back', async () => {
    const seen = await exec(['sh', '-c', 'echo hello; echo oops >&2; exit 3']);
    expect(seen).toEqual({ out: 'hello\n', err: 'oops\n', last: { end: { code: 3, timedOut: false } } });
  });

  test('no shell is between', async () => {
    expect((await exec(['echo', '$HOME; reboot', '*'])).out).toBe('$HOME; reboot *\n');
  });

  test('much output is not lost', async () => {
    const { out, last } = await exec(['sh', '-c', 'head -c 5000000 /dev/zero']);
    expect([out.length, last]).toEqual([5_000_000, { end: { code: 0, timedOut: false } }]);
  });

  test('nothing is lost where it is taken slowly', async () => {
    const [near, far] = duplexPair();
    const served = serveCommand(far, noGuests, new AbortController().signal);
    const argv = ['sh', '-c', 'head -c 200000 /dev/zero'];
    near.end(`${JSON.stringify({ do: 'exec', argv })}\n`);
    // longer than what is left running in the background is waited for
    await sleep(5000);
    let bytes = 0;
    let rest = '';
    for await (const chunk of near) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) bytes += Buffer.from(JSON.parse(line).out ?? '', 'base64').length;
    }
    await served;
    expect(bytes).toBe(200_000);
  });

  test('what writes on in the background is not waited for', async () => {
    const { out, last } = await exec(['sh', '-c', 'echo started; yes & exit 4']);
    expect(out).toMatch(/^started\n/);
    expect(last).toEqual({ end: { code: 4, timedOut: false } });
  });

  test('the time limit ends all of it, children too', async () => {
    const script = `trap '' TERM; (trap '' TERM; exec sleep 600) & echo $!; sleep 600`;
    // a machine with much else to do may need more than a second to start them
    for (let limitMs = 1000; ; limitMs *= 4) {
      const seen = await exec(['sh', '-c', script], limitMs);
      expect(seen.last).toMatchObject({ end: { timedOut: true } });
      const child = Number(seen.out.split('\n')[0]);
      if (child > 0) return await expect.poll(() => isAlive(child)).toBe(false);
    }
  });

  test('what stays in the background does not hold it up', async () => {
    const seen = await exec(['sh', '-c', 'sleep 20 & echo started']);
    expect(seen).toMatchObject({ out: 'started\n', last: { end: { code: 0 } } });
  });

  test('a program that is not there is told', async () => {
    const { last, err } = await exec(['/no/such/program']);
    expect(last).toMatchObject({ end: { code: 127 } });
    expect(err).toMatch(/no\/such\/program/);
  });

  test('it ends with the tunnel', async () => {
    const stop = new AbortController();
    const file = join(folder, 'pid');
    const script = `echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 600`;
    const seen = ask({ do: 'exec', argv: ['sh', '-c', script] }, [Buffer.alloc(1)], stop);
    await expect.poll(() => existsSync(file)).toBe(true);
    const pid = Number(readFileSync(file, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    stop.abort();
    await seen;
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test.each([
    '',
    'nonsense',
    '{}',
    '{"do":"exec","argv":[]}',
    '{"do":"exec","argv":["a\\u0000b"]}',
    '{"do":"rm"}',
  ])('the line %j is refused', async (line) => {
    expect((await ask(line)).last).toHaveProperty('problem');
  });
});

describe('files', () => {
  const put = (path: string, content: string, over: { mode?: number; sizeBytes?: number } = {}) =>
    ask({ do: 'file', path, mode: 0o640, sizeBytes: Buffer.byteLength(content), ...over }, [
      Buffer.from(content),
    ]);

  test('come whole, with their permissions, and replace what was there', async () => {
    const path = join(folder, 'motd');
    writeFileSync(path, 'before');
    const { last } = await put(path, 'welcome\n');
    expect(last).toMatchObject({ written: { path, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } });
    expect(readFileSync(path, 'utf8')).toBe('welcome\n');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['motd']);
  });

  test('an empty one too', async () => {
    expect(
      (await ask({ do: 'file', path: join(folder, 'empty'), mode: 0o600, sizeBytes: 0 })).last,
    ).toHaveProperty('written');
    expect(statSync(join(folder, 'empty')).size).toBe(0);
  });

  test('a link is replaced, what it points to is left alone', async () => {
    writeFileSync(join(folder, 'target'), 'kept');
    symlinkSync('target', join(folder, 'link'));
    await put(join(folder, 'link'), 'new');
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('kept');
    expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('new');
  });

  test.each([
    ['too long', 'longer', { sizeBytes: 3 }],
    ['into a folder that is not there', 'x', {}],
    ['with .. in its path', 'x', {}],
    ['over a folder', 'x', {}],
  ])('one that comes %s is refused, and nothing stays', async (how, content, over) => {
    mkdirSync(join(folder, 'dir'));
    const names: Record<string, string> = {
      'into a folder that is not there': 'no/file',
      'over a folder': 'dir',
      'with .. in its path': 'dir/../x',
    };
    const { last } = await put(`${folder}/${names[how] ?? 'file'}`, content, over);
    expect(last).toHaveProperty('problem');
    expect(readdirSync(folder)).toEqual(['dir']);
  });

  test('a file system that takes none is no fault of the agent', async () => {
    const { last } = await put('/proc/gantry-test-file', 'x', {});
    expect(last).toMatchObject({ problem: { code: 'invalid_argument' } });
  });

  test('one that is cut leaves nothing', async () => {
    const [near, far] = duplexPair();
    const served = serveCommand(far, noGuests, new AbortController().signal).catch(() => undefined);
    near.write(
      `${JSON.stringify({ do: 'file', path: join(folder, 'file'), mode: 0o600, sizeBytes: 10 })}\nhal`,
    );
    near.end();
    near.resume();
    await served;
    expect(readdirSync(folder)).toEqual([]);
  });
});
