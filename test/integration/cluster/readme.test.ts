import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { nothingLeft } from '../../lab/leftovers.ts';

const firstHour = examplesOf('README.md', 'The first hour');
const offline = examplesOf('README.md', 'Guest hardware, offline');

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.ok('launch', 'debian/12', 'hello', '--until', 'ssh', '-q');
});
afterAll(async () => {
  expect(await cluster?.stop()).toEqual(nothingLeft);
});

it('the README has a first hour', () => expect(firstHour.commands.length).toBeGreaterThan(8));

it.each(firstHour.commands)('%s', async (line) => {
  const { code, stdout, stderr } = await cluster.gantry(firstHour.take(line));
  expect(code, stderr).toBe(0);
  expect(stdout.length + stderr.length).toBeGreaterThan(0);
});

it('guest hardware is explained without a cluster', async () => {
  const flavor = join(cluster.dir, 'flavor.yaml');
  const image = join(cluster.dir, 'image.yaml');
  await writeFile(flavor, 'vcpus: 2\nmemory_mb: 2048\nextra_specs: { "hw:watchdog_action": reset }\n');
  await writeFile(image, 'properties: { hw_disk_bus: scsi }\n');
  const words = offline.take('guest render', { 'flavor.yaml': flavor, 'image.yaml': image });
  expect(await cluster.ok(...words)).toMatch(/watchdog.*hw:watchdog_action/);
});

it('and that was all of it', () => {
  expect(firstHour.left()).toEqual([]);
  expect(offline.left()).toEqual([]);
});
