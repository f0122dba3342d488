import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseOptions } from '../options.ts';
import { commandBeside } from './command-beside.ts';

function release(...files: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-release-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const file of files) writeFileSync(join(dir, file), '');
  return dir;
}

test('in a release it lies beside the agent', () => {
  const dir = release('agent.mjs', 'gantry.mjs');
  expect(commandBeside(join(dir, 'agent.mjs'))).toBe(join(dir, 'gantry.mjs'));
});

test('copies of the daemons alone have none', () => {
  expect(commandBeside(join(release('agent.mjs', 'server.mjs'), 'agent.mjs'))).toBeUndefined();
});

test('an agent that another machine’s controller leads can be told to leave, said or not', () => {
  expect(parseOptions(['--api', 'https://192.0.2.1:7460']).leaveBy).toMatch(/packages\/cli\/src\/main[.]ts$/);
  expect(parseOptions(['--api', 'https://192.0.2.1:7460', '--leave-by', '/opt/x.mjs']).leaveBy).toBe(
    '/opt/x.mjs',
  );
});

test('that of the controller’s own machine goes with the cluster', () => {
  expect(parseOptions([])).not.toHaveProperty('leaveBy');
});
