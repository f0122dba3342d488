/** The daemon itself, without libvirt and without a controller. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';

const main = join(import.meta.dirname, 'main.ts');
let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'gantry-agent-'));
  mkdirSync(join(state, 'agent'));
  writeFileSync(join(state, 'agent', 'token'), 'token\n');
});
afterEach(() => rmSync(state, { recursive: true }));

/** @param log where its words go @param node words for Node itself */
function start(log: string, node: readonly string[] = []): { child: ChildProcess; over: Promise<unknown> } {
  const where = ['--state', state, '--cache', join(state, 'cache'), '--libvirt', join(state, 'none')];
  const words = [...where, '--api', 'http://127.0.0.1:1', '--transfer-port', '0'];
  const file = openSync(log, 'a');
  const child = spawn(process.execPath, [...node, main, ...words], { stdio: ['ignore', 'ignore', file] });
  closeSync(file);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, over: once(child, 'exit') };
}
const began = () => expect.poll(() => existsSync(join(state, 'agent', 'journal.json'))).toBe(true);

test('a full disk of its log does not end it', async () => {
  const { child, over } = start('/dev/full');
  await began();
  child.kill('SIGTERM');
  expect(await over).toEqual([0, null]);
});

test('a promise that nobody listens to ends it with a line that says why, for its supervisor to start it again', async () => {
  const log = join(state, 'agent.log');
  const forget = `process.once('SIGUSR2', () => void Promise.reject(new Error('forgotten')))`;
  const { child, over } = start(log, ['--import', `data:text/javascript,${forget}`]);
  await began();
  child.kill('SIGUSR2');
  expect(await over).toEqual([1, null]);
  expect(readFileSync(log, 'utf8').trim().split('\n').at(-1)).toMatch(
    / error a fault ends the agent origin="unhandledRejection" stack="Error: forgotten.* at process[.]/,
  );
});
