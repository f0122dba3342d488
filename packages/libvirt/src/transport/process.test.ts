import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { openProcess } from './process.ts';

const run = promisify(execFile);

/** A shell in place of ssh. `left` is behind it, holds standard error and goes with the test. */
async function shell(script: string): Promise<{ duplex: Duplex; left: number }> {
  const duplex = await openProcess(['sh', '-c', `sleep 600 >/dev/null </dev/null & echo $!; ${script}`]);
  const [first] = (await once(duplex, 'data')) as [Buffer];
  const left = Number(first.toString());
  onTestFinished(() => {
    process.kill(left);
    duplex.destroy();
  });
  return { duplex, left };
}

const isAlive = (pid: number): boolean => process.kill(pid, 0);

test('its end is told although somebody it left behind holds standard error', async () => {
  const { duplex, left } = await shell('read line; echo no route to host >&2; exit 255');
  const failed = once(duplex, 'error');
  duplex.write('go\n');
  const [error] = (await failed) as [Error];
  expect(error.message).toBe('sh ended with exit status 255: no route to host');
  expect(isAlive(left)).toBe(true);
});

test('a quiet end is one of the stream', async () => {
  const { duplex } = await shell('read line');
  const ended = once(duplex, 'end');
  duplex.write('go\n');
  await ended;
});

test('once it is closed nothing of it keeps a process from its end', async () => {
  const program = `
    const { openProcess } = await import(${JSON.stringify(new URL('process.ts', import.meta.url).href)});
    const duplex = await openProcess(['sh', '-c', 'sleep 600 >/dev/null </dev/null & echo $!; exec cat']);
    duplex.once('data', (left) => { console.log(String(left)); duplex.destroy(); });`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program]);
  const left = Number(stdout);
  onTestFinished(() => void process.kill(left));
  expect(isAlive(left)).toBe(true);
});
