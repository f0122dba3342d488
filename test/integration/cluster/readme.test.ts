import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';

const readme = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'README.md'), 'utf8');
const firstHour = /## The first hour\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
const commands = firstHour
  .split('\n')
  .map((line) => line.replace(/\s+#.*$/, ''))
  .filter((line) => line.startsWith('gantry '));

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.ok('launch', 'debian/12', 'hello', '--until', 'ssh', '-q');
});
afterAll(async () => {
  expect(await cluster?.stop()).toEqual(nothingLeft);
});

it('the README has a first hour', () => expect(commands.length).toBeGreaterThan(8));

it.each(commands)('%s', async (line) => {
  const { code, stdout, stderr } = await cluster.gantry(line.split(' ').slice(1));
  expect(code, stderr).toBe(0);
  expect(stdout.length + stderr.length).toBeGreaterThan(0);
});
