/** Ganeti's own programs as referees of what is planned on their files. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  parseCluster,
  parseRequest,
  planAllocation,
  planBalance,
  planRelocation,
  writeCluster,
} from '@gantry/placement';
import { afterAll, describe, expect, test } from 'vitest';
import { ClusterState } from '../../packages/placement/src/engine/state.ts';
import { GANTRY } from '../lab/cluster.ts';
import { examplesOf } from '../lab/examples.ts';

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

test('as the documentation shows it', () => {
  const examples = examplesOf('docs/placement.md', 'Placement');
  const replaced = {
    'lab.data': file('mixed-20.txt'),
    default: 'group0',
    'after.data': join(dir, 'after.data'),
  };
  for (const command of examples.commands)
    expect(run(GANTRY, ...examples.take(command, replaced)).length).toBeGreaterThan(0);
  expect(examples.left()).toEqual([]);
  expect(hinfo(readFileSync(replaced['after.data'], 'utf8'))).toMatch(/^\d/);
});

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
    const requests = parseRequest(readFileSync(request)).place ?? [];
    const { placed } = planAllocation(data, requests, { ignoreCapacity: true });
    expect(placed[0]?.score?.after).toBeLessThanOrEqual(Math.min(...scores) + 1e-8);
  },
);

describe.each(['mixed-20', 'tight-20', 'unsafe-20'])('in %s, instances that leave a node', (name) => {
  const path = file(`${name}.txt`);
  const data = parseCluster(readFileSync(path, 'utf8'));
  const mirrored = data.instances.flatMap(({ template }, i) => (template === 'drbd' ? [i] : []));
  const nameOf = (i: number) => data.instances[i]?.name ?? '';
  const node = data.secondary[mirrored[0] as number] as number;
  const nodeName = data.nodes.names[node] ?? '';
  const on = (column: ArrayLike<number>) => mirrored.filter((i) => column[i] === node).map(nameOf);

  /** The request as hail reads it, and what both say. `forUs`: what we read otherwise. */
  function asked(request: object, forUs: object = {}) {
    const whole = JSON.parse(readFileSync(file('mixed-20.alloc-drbd.json'), 'utf8')) as object;
    const asFile = join(dir, 'move.json');
    writeFileSync(asFile, JSON.stringify({ ...whole, request }));
    const hail = JSON.parse(run(HAIL, '--no-capacity-checks', '-t', path, asFile)) as { result: unknown };
    const ofOurs = JSON.stringify({ request: { ...request, ...forUs } });
    const moves = parseRequest(Buffer.from(ofOurs)).move;
    if (!moves) throw new Error('it moves instances');
    return { hail: hail.result, ours: planRelocation(data, moves) };
  }

  /** Score by hinfo where the secondaries are these. */
  function scoreWith(places: readonly (readonly [string, string])[]): number {
    const state = new ClusterState(data);
    for (const [instance, there] of places) {
      const i = data.instances.findIndex((each) => each.name === instance);
      state.remove(i);
      state.place(i, data.primary[i] as number, data.nodes.names.indexOf(there));
    }
    return Number(hinfo(writeCluster(state.snapshot())));
  }

  test('relocate: where hail puts it, or where the score is as low', () => {
    const i = mirrored[0] as number;
    const { disk, memory } = data.instances[i] as { disk: number; memory: number };
    const { hail, ours } = asked({
      type: 'relocate',
      name: nameOf(i),
      disk_space_total: disk,
      memory,
      required_nodes: 1,
      relocate_from: [nodeName],
    });
    const [there = ''] = hail as string[];
    expect(ours.moved[0]?.nodes[0]).toBe(data.nodes.names[data.primary[i] as number]);
    expect(Number(hinfo(writeCluster(ours.after)))).toBeLessThanOrEqual(
      scoreWith([[nameOf(i), there]]) + 1e-8,
    );
  });

  test('node-evacuate, secondaries: as many go as with hail, to a score as low', () => {
    const instances = on(data.secondary);
    const { hail, ours } = asked({ type: 'node-evacuate', instances, evac_mode: 'secondary-only' });
    const [moved] = hail as [[string, string, [string, string]][]];
    const gone = ours.moved.filter(({ nodes }) => nodes.length > 0);
    expect(gone.length).toBeGreaterThanOrEqual(moved.length);
    expect(gone.filter(({ nodes }) => nodes.includes(nodeName))).toEqual([]);
    if (gone.length > moved.length) return;
    const theirs = scoreWith(moved.map(([instance, , nodes]) => [instance, nodes[1]]));
    expect(Number(hinfo(writeCluster(ours.after)))).toBeLessThanOrEqual(theirs + 1e-8);
  });

  test('node-evacuate, primaries: those that hail fails over', () => {
    const instances = on(data.primary);
    const { hail, ours } = asked({ type: 'node-evacuate', instances, evac_mode: 'primary-only' });
    const [moved] = hail as [[string, string, string[]][]];
    const gone = ours.moved.filter(({ nodes }) => nodes.length > 0);
    expect(gone.map(({ instance, nodes }) => [instance, ...nodes])).toEqual(
      moved.map(([instance, , nodes]) => [instance, ...nodes]),
    );
  });

  /** Score by hinfo where these are at these pairs. */
  function scoreOfPairs(places: readonly (readonly [string, readonly string[]])[]): number {
    const state = new ClusterState(data);
    const at = (name = '') => data.nodes.names.indexOf(name);
    for (const [instance, [p, s]] of places) {
      const i = data.instances.findIndex((each) => each.name === instance);
      state.remove(i);
      state.place(i, at(p), at(s));
    }
    return Number(hinfo(writeCluster(state.snapshot())));
  }

  /** With `-t` hail counts groups as they are in the request's own cluster, by uuid. */
  const asHailCounts = (group: number): string => {
    const whole = JSON.parse(readFileSync(file('mixed-20.alloc-drbd.json'), 'utf8')) as {
      nodegroups: object;
    };
    return Object.keys(whole.nodegroups).toSorted()[group] ?? '';
  };

  test.each([
    ['node-evacuate, both nodes', { type: 'node-evacuate', evac_mode: 'all' }, {}],
    [
      'change-group',
      { type: 'change-group', target_groups: [asHailCounts(1)] },
      { target_groups: [data.groups[1]?.uuid] },
    ],
  ])('%s: as many go as with hail, to legal places and a score as low', (_what, request, forUs) => {
    const instances = mirrored
      .filter((i) => data.nodes.group[data.primary[i] as number] === 0)
      .slice(0, 5)
      .map(nameOf);
    const { hail, ours } = asked({ ...request, instances }, forUs);
    const [moved] = hail as [[string, string, string[]][]];
    const went = ours.moved.filter(({ nodes }) => nodes.length > 0);
    expect(went.length).toBeGreaterThanOrEqual(moved.length);
    expect(moved.length).toBeGreaterThan(0);
    for (const { nodes, from, group } of went) {
      expect(new Set([...nodes, ...from]).size).toBe(4);
      const groups = nodes.map(
        (each) => data.groups[data.nodes.group[data.nodes.names.indexOf(each)] as number]?.name,
      );
      expect(groups).toEqual([group, group]);
    }
    if (went.length > moved.length) return;
    const theirs = scoreOfPairs(moved.map(([instance, , nodes]) => [instance, nodes]));
    expect(Number(hinfo(writeCluster(ours.after)))).toBeLessThanOrEqual(theirs + 1e-8);
  });
});
