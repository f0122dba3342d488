/** The program itself: a store is made, served, held alone, left and served again. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';

const main = join(import.meta.dirname, '../src/main.ts');
const state = mkdtempSync(join(tmpdir(), 'gantry-main-'));
afterAll(() => rmSync(state, { recursive: true }));

const run = (words: string[], input = '') =>
  spawnSync(process.execPath, [main, ...words], { encoding: 'utf8', input });
const init = (options: unknown, words: string[] = []) =>
  run(['init', '--state', state, ...words], typeof options === 'string' ? options : JSON.stringify(options));

async function serve(): Promise<{ child: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [main, '--state', state, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  for await (const chunk of child.stderr as AsyncIterable<Buffer>) {
    said += chunk;
    const port = /"listen":"127.0.0.1:(\d+)"/.exec(said)?.[1];
    if (port) return { child, base: `http://127.0.0.1:${port}` };
  }
  throw new Error(said);
}
const ended = (child: ChildProcess) =>
  new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));

const options = {
  name: 'c1',
  node: 'n1',
  network: { mode: 'nat', bridge: 'gy0', subnet: { cidr: '10.9.8.0/24' } },
};

test('bad options make no cluster', () => {
  for (const [bad, words] of [
    ['{', []],
    [{ ...options, name: 'a/b' }, []],
    [{ ...options, nodes: [] }, []],
    [{ ...options, network: { mode: 'nat' } }, []],
    [options, ['--nonsense']],
  ] as const) {
    const { status, stdout, stderr } = init(bad, [...words]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: /);
  }
});

test('made once; what was acknowledged is there after kill -9; SIGTERM ends it cleanly', async () => {
  const made = init(options);
  expect(made.stderr).toBe('');
  const { adminToken } = JSON.parse(made.stdout) as { adminToken: string };
  expect(init(options)).toMatchObject({ status: 5, stdout: '' });

  const first = await serve();
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'kept', spec: { vcpus: 1, memoryMiB: 64 } });
  expect((await fetch(`${first.base}/v1/flavors`, { method: 'POST', headers, body })).status).toBe(201);
  expect(run(['--state', state])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('held by another process'),
  });
  first.child.kill('SIGKILL');
  expect(await ended(first.child)).toBe('SIGKILL');

  const second = await serve();
  expect((await fetch(`${second.base}/v1/flavors/kept`, { headers })).status).toBe(200);
  second.child.kill('SIGTERM');
  expect(await ended(second.child)).toBe(0);
});

test('a promise that nobody listens to ends it with a line that says why, for its supervisor to start it again', async () => {
  const log = join(state, 'log');
  const forget = `process.once('SIGUSR2', () => void Promise.reject(new Error('forgotten')))`;
  const file = openSync(log, 'a');
  const words = ['--import', `data:text/javascript,${forget}`, main, '--state', state];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', file] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const over = ended(child);
  await expect.poll(() => readFileSync(log, 'utf8')).toContain('the controller is ready');
  child.kill('SIGUSR2');
  expect(await over).toBe(1);
  expect(JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? '')).toMatchObject({
    ...{ level: 'error', message: 'a fault ends the controller', origin: 'unhandledRejection' },
    stack: expect.stringContaining('Error: forgotten\n    at '),
  });
});

test('it listens at an address and a port', () => {
  for (const listen of ['10.0.0.1', 'a b:80', '[::g]:1', '127.0.0.1:99999', ':7460'])
    expect(run(['--state', state, '--listen', listen]).status).toBe(2);
  expect(run(['--state', state, '--advertise', 'a/b']).status).toBe(2);
}, 120_000); // six programs are started, one after the other
