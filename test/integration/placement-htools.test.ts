/** Ganeti's own programs as referees of what is planned on their files. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseCluster, parseRequest, planAllocation, planBalance, writeCluster } from '@gantry/placement';
import { afterAll, expect, test } from 'vitest';

const HAIL = '/usr/lib/ganeti/iallocators/hail';
const dir = mkdtempSync(join(tmpdir(), 'gantry-htools-'));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string): string {
  const path = join(dir, name);
  writeFileSync(
    path,
    gunzipSync(readFileSync(join(import.meta.dirname, '../oracle/placement', `${name}.gz`))),
  );
  return path;
}
const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
/** What real hinfo says of a cluster. */
function hinfo(text: string): string | undefined {
  const path = join(dir, 'scored.txt');
  writeFileSync(path, text);
  return /Cluster score: (\S+)/.exec(run('hinfo', '-t', path))?.[1];
}

test.each([
  'mixed-20',
  'tight-20',
  'unsafe-20',
  'offline-20',
  'desired-20',
  'forthcoming-20',
  'exclusive-20',
  'mixed-100',
  'unsafe-100',
])('hinfo scores %s, and what balancing makes of it, as we do', (name) => {
  const data = parseCluster(readFileSync(file(`${name}.txt`), 'utf8'));
  const { report, after } = planBalance(data, undefined, { maxMoves: 20 });
  expect(hinfo(writeCluster(data))).toBe(report.score.before.toFixed(8));
  expect(hinfo(writeCluster(after))).toBe(report.score.after.toFixed(8));
});

test.each([
  ['mixed-20', 'group0'],
  ['tight-20', 'group1'],
])('hbal scores the balanced %s %s as we do, and finds no bad node', (name, group) => {
  const data = parseCluster(readFileSync(file(`${name}.txt`), 'utf8'));
  const index = data.groups.findIndex((each) => each.name === group);
  const { report, after } = planBalance(data, index, {});
  const path = join(dir, 'balanced.txt');
  writeFileSync(path, writeCluster(after));
  const said = run('hbal', '-t', path, '-G', group, '-l', '0', '-vvv');
  expect(/overall (\S+)/.exec(said)?.[1]).toBe(report.score.after.toFixed(8));
  expect(said).toContain('0 bad nodes');
});

test.each(['mixed-20', 'tight-20', 'unsafe-20', 'mixed-100', 'unsafe-100'])(
  'in %s a pair goes where hail puts it, or where the score is as low',
  (name) => {
    const request = file('mixed-20.alloc-drbd.json');
    const cluster = file(`${name}.txt`);
    const said = JSON.parse(run(HAIL, '--no-capacity-checks', '-t', cluster, request)) as { info: string };
    const scores = [...said.info.matchAll(/\(preferred\): score: ([\d.]+)/g)].map(([, score]) =>
      Number(score),
    );
    const data = parseCluster(readFileSync(cluster, 'utf8'));
    const requests = parseRequest(readFileSync(request));
    const { placed } = planAllocation(data, requests, { ignoreCapacity: true });
    expect(placed[0]?.score?.after).toBeLessThanOrEqual(Math.min(...scores) + 1e-8);
  },
);
