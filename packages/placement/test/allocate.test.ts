import { describe, expect, test } from 'vitest';
import { Allocator } from '../src/allocate/allocate.ts';
import { planAllocation } from '../src/allocate/plan-allocation.ts';
import { secondaryRefusal, verdictsFor } from '../src/allocate/verdicts.ts';
import { scoreOf } from '../src/engine/score.ts';
import { ClusterState, type Footprint } from '../src/engine/state.ts';
import type { InstanceSpec } from '../src/ganeti/cluster-data.ts';
import { parseCluster } from '../src/ganeti/parse.ts';
import { parseRequest } from '../src/ganeti/request.ts';
import { writeCluster } from '../src/ganeti/write.ts';
import { oracleText, refereeScore, smallClusters } from './oracle.ts';

const pair: InstanceSpec = {
  name: 'new',
  memory: 8192,
  vcpus: 4,
  disk: 82_048,
  disks: [81_920],
  status: 'running',
  autoBalance: true,
  template: 'drbd',
  tags: [],
  spindleUse: 1,
  diskSpindles: 1,
  forthcoming: false,
};
const single: InstanceSpec = {
  ...pair,
  memory: 4096,
  vcpus: 2,
  disk: 40_960,
  disks: [40_960],
  template: 'plain',
};
const tagged: InstanceSpec = { ...pair, tags: ['service:g0-1', 'rack:r0-1'] };

/** Every pair that may be, scored from scratch. */
function bestOfAll(text: string, spec: InstanceSpec): number {
  const data = parseCluster(text);
  const start = new ClusterState(data, { newcomers: [spec] });
  const f = start.newcomers[0] as Footprint;
  const { primary, secondary } = verdictsFor(start, spec, f, {});
  let best = Number.POSITIVE_INFINITY;
  const score = (p: number, s: number) => {
    const state = new ClusterState(data, { newcomers: [spec] });
    state.add(spec, f, p, s);
    return scoreOf(state).total;
  };
  const all = [...primary.keys()];
  for (const p of all.filter((n) => primary[n] === undefined)) {
    if (spec.template === 'plain') best = Math.min(best, score(p, -1));
    else
      for (const s of all.filter((n) => n !== p && secondary[n] === undefined)) {
        if (data.nodes.group[s] !== data.nodes.group[p]) continue;
        if (secondaryRefusal(start, f, s, start.peers.of(s, p) + f.reserved)) continue;
        best = Math.min(best, score(p, s));
      }
  }
  return best;
}

const found = (text: string, spec: InstanceSpec, ignoreCapacity: boolean) => {
  const state = new ClusterState(parseCluster(text), { newcomers: [spec] });
  const f = state.newcomers[0] as Footprint;
  return new Allocator(state).find(spec, f, verdictsFor(state, spec, f, {}), { ignoreCapacity });
};

describe.each(smallClusters)('in %s', (name) => {
  const text = oracleText(`${name}.txt`);
  test.each([
    ['a pair', pair],
    ['a pair with tags', tagged],
    ['a single one', single],
  ])('the place of %s is the best of all places tried one by one', (_what, spec) => {
    expect(found(text, spec, true)?.score ?? Number.POSITIVE_INFINITY).toBeCloseTo(bestOfAll(text, spec), 8);
  });
});

// What hail -t FILE REQUEST answers (ganeti-htools 3.0.2), the last two with --no-capacity-checks.
test.each<[string, string, InstanceSpec, string, string]>([
  ['mixed-20', 'pair', pair, 'node0011 node0013', '66.09250649'],
  ['mixed-100', 'pair', pair, 'node0006 node0014', '350.67163042'],
  ['tight-20', 'pair', pair, 'node0011 node0010', '131.29609671'],
])('%s: a %s goes where hail puts it', (name, _what, spec, nodes, score) => {
  const place = found(oracleText(`${name}.txt`), spec, true);
  const { names } = parseCluster(oracleText(`${name}.txt`)).nodes;
  const shown = [place?.primary, place?.secondary].map((n) => names[n ?? -1]?.split('.')[0]).join(' ');
  expect([shown, place?.score.toFixed(8)]).toEqual([nodes, score]);
});

test('a request of Ganeti is placed, and the written cluster has the score that was promised', () => {
  const data = parseCluster(oracleText('mixed-20.txt'));
  const { placed, after } = planAllocation(
    data,
    parseRequest(new TextEncoder().encode(oracleText('mixed-20.alloc-drbd.json'))).place ?? [],
    {},
  );
  expect(placed[0]?.nodes).toEqual(['node0011.example.com', 'node0013.example.com']);
  expect(refereeScore(writeCluster(after))['score']?.toFixed(8)).toBe(placed[0]?.score?.after.toFixed(8));
});

test('one node that fails N+1 elsewhere refuses nothing', () => {
  const data = parseCluster(oracleText('unsafe-20.txt'));
  const { placed } = planAllocation(data, [{ spec: pair, networks: [] }], {});
  expect(placed[0]?.nodes).toHaveLength(2);
});

test('no node newly fails N+1, and refused ones say why with numbers', () => {
  const data = parseCluster(oracleText('tight-20.txt'));
  const { placed, after } = planAllocation(data, [{ spec: pair, networks: [] }], {});
  const [before, now] = [new ClusterState(data), new ClusterState(after)];
  for (const n of data.nodes.names.keys()) if (!before.failsN1(n)) expect(now.failsN1(n)).toBe(false);
  const reasons = placed[0]?.refused.flatMap(({ primary, secondary }) => [primary, secondary]) ?? [];
  expect(reasons.some((reason) => reason?.test === 'n+1' && (reason.available ?? 0) < 8192)).toBe(true);
});

test('several are placed one after the other, each where it may be', () => {
  const data = parseCluster(oracleText('mixed-20.txt'));
  const requests = [1, 2, 3].map((i) => ({
    spec: { ...pair, name: `new${i}` },
    networks: [],
    group: 'group1',
  }));
  const { placed, after } = planAllocation(data, requests, {});
  expect(placed.map(({ group }) => group)).toEqual(['group1', 'group1', 'group1']);
  expect(after.instances).toHaveLength(data.instances.length + 3);
});

test('a network that no group is connected to, and a policy, refuse it', () => {
  const data = parseCluster(oracleText('mixed-20.txt'));
  const reason = (spec: InstanceSpec, networks: string[]) =>
    planAllocation(data, [{ spec, networks }], {}).placed[0]?.refused[0]?.primary?.test;
  expect(reason(pair, ['net'])).toBe('network');
  expect(reason({ ...pair, memory: 70_000 }, [])).toBe('policy');
});
