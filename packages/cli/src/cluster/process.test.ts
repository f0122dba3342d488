import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Layout, layoutOf } from './layout.ts';
import { requireRunning, running, startDetached, stopDetached } from './process.ts';

let layout: Layout;
const others: ChildProcess[] = [];
beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), 'gantry-daemon-')));
  mkdirSync(layout.run);
  mkdirSync(layout.log);
  writeFileSync(join(layout.state, 'server.mjs'), 'console.log("up"); setInterval(() => {}, 1000);');
});
afterEach(async () => {
  await stopDetached(layout, 'server');
  for (const other of others.splice(0)) other.kill('SIGKILL');
  rmSync(layout.state, { recursive: true });
});

const start = (module = 'server.mjs') =>
  startDetached(layout, 'server', {
    node: process.execPath,
    module: join(layout.state, module),
    args: ['--state', layout.state],
  });
const pidFile = () => join(layout.run, 'server.pid');

test('it starts once, is seen, and is stopped', async () => {
  await start();
  const first = running(layout, 'server');
  expect(first?.pid).toBeGreaterThan(1);
  await start();
  expect(running(layout, 'server')).toEqual(first);
  expect(await stopDetached(layout, 'server')).toBe(true);
  expect(running(layout, 'server')).toBeUndefined();
  expect(await stopDetached(layout, 'server')).toBe(false);
});

test.each<
  [string, (id: { pid: number; startTicks: number; bootId: string }, other: number) => object | undefined]
>([
  ['whose number another process has now', (id, other) => ({ ...id, pid: other })],
  ['of another start', (id) => ({ ...id, startTicks: id.startTicks - 1 })],
  ['of another boot', (id) => ({ ...id, bootId: 'x' })],
  ['that names no process', () => ({ pid: 'x' })],
  ['that is no JSON', () => undefined],
])('a pid file %s: the right process is found, and no other signalled', async (_, change) => {
  await start();
  const id = JSON.parse(readFileSync(pidFile(), 'utf8')) as {
    pid: number;
    startTicks: number;
    bootId: string;
  };
  const other = spawn('sleep', ['60']);
  others.push(other);
  writeFileSync(pidFile(), JSON.stringify(change(id, other.pid ?? 0)) ?? '{');
  expect(running(layout, 'server')).toEqual(id);
  expect(await stopDetached(layout, 'server')).toBe(true);
  expect(other.exitCode ?? other.signalCode).toBe(null);
  expect(running(layout, 'server')).toBeUndefined();
});

test('a start whose starter was killed before it noted the process does not start a second', async () => {
  await start();
  const first = running(layout, 'server');
  rmSync(pidFile());
  await start();
  expect(running(layout, 'server')).toEqual(first);
  expect(JSON.parse(readFileSync(pidFile(), 'utf8'))).toEqual(first);
});

test('another program with the same start is not ours', async () => {
  await start();
  const id = JSON.parse(readFileSync(pidFile(), 'utf8')) as object;
  writeFileSync(join(layout.run, 'agent.pid'), JSON.stringify(id));
  expect(running(layout, 'agent')).toBeUndefined();
});

test('one that ends at once is told with what it said', async () => {
  writeFileSync(join(layout.state, 'server.mjs'), 'console.error("the port is taken"); process.exit(1);');
  await start();
  await expect.poll(() => running(layout, 'server')).toBeUndefined();
  expect(() => requireRunning(layout, 'server')).toThrow('the port is taken');
});
