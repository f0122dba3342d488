/** Live clusters of every kind: the score is Ganeti's, and every step of a plan is one that the live rules allow. */
import type { AffinityRule, NodeCapacity, NodeId, Requirements } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scoreOf } from '../src/engine/score.ts';
import { ClusterState } from '../src/engine/state.ts';
import {
  affinityOn,
  ClusterScore,
  clusterDataOf,
  defaultPolicy,
  gainOf,
  isOnline,
  type LiveCluster,
  type LiveGuest,
  planLiveBalance,
  rejectionsOf,
  writeCluster,
} from '../src/index.ts';
import { refereeScore } from './oracle.ts';

const labels = fc.constantFrom({}, { app: 'db' }, { app: 'web' });
const rules = fc.constantFrom<AffinityRule[]>(
  [],
  [],
  [],
  [{ policy: 'anti-affinity', label: 'app=db' }],
  [{ policy: 'affinity', label: 'app=web' }],
  [{ policy: 'soft-anti-affinity', label: 'app=web' }],
  [{ policy: 'soft-affinity', instance: 'g0' }],
);
const guest = (nodes: number) =>
  fc.record({
    // most on the first
    node: fc.nat(2 * nodes - 1).map((n) => (n < nodes ? n : 0)),
    vcpus: fc.integer({ min: 1, max: 4 }),
    memoryMiB: fc.integer({ min: 200, max: 3000 }),
    disk: fc.integer({ min: 0, max: 20_000 }),
    down: fc.boolean(),
    labels,
    affinity: rules,
    held: fc.constantFrom(undefined, undefined, undefined, 'locked'),
    stuck: fc.constantFrom(false, false, false, true),
  });
const machine = fc.record({
  memoryMiB: fc.constantFrom(8192, 16_384, 24_576),
  cpus: fc.constantFrom(2, 4, 16),
  ratio: fc.constantFrom(undefined, 2),
  role: fc.constantFrom('active', 'active', 'active', 'active', 'drained') as fc.Arbitrary<
    'active' | 'drained'
  >,
  foreignMiB: fc.constantFrom(0, 0, 1000),
  group: fc.constantFrom('g1', 'g1', 'g2'),
});

/** Nodes with what their guests take of them, as the controller counts it. */
const cluster = fc.array(machine, { minLength: 2, maxLength: 5 }).chain((machines) =>
  fc.array(guest(machines.length), { maxLength: 18, size: 'large' }).map((wanted): LiveCluster => {
    const guests = wanted.map((each, i): LiveGuest & { stuck: boolean } => ({
      peer: {
        id: `i${i}`,
        name: `g${i}`,
        ...(Object.keys(each.labels).length > 0 ? { labels: each.labels } : {}),
        ...(each.affinity.length > 0 ? { affinity: each.affinity } : {}),
      },
      node: `n${each.node}`,
      vcpus: each.vcpus,
      memoryMiB: each.memoryMiB,
      diskMiB: { file: each.disk },
      down: each.down,
      exclusions: each.labels === undefined ? [] : Object.values(each.labels).map((app) => `/app=${app}`),
      bytes: each.disk * 2 ** 20,
      ...(each.held ? { held: each.held } : {}),
      stuck: each.stuck,
    }));
    const nodes = machines.map((each, n): NodeCapacity => capacity(`n${n}`, each, guests));
    const groups = [
      { id: 'g1', name: 'one' },
      { id: 'g2', name: 'two' },
    ];
    const fits: LiveCluster['fits'] = (one, { id }) => !(one as (typeof guests)[0]).stuck || id === 'n0';
    return { nodes, groups, guests, policy: defaultPolicy, fits };
  }),
);

function capacity(
  name: string,
  machine: {
    memoryMiB: number;
    cpus: number;
    ratio: number | undefined;
    role: 'active' | 'drained';
    foreignMiB: number;
    group: string;
  },
  guests: readonly LiveGuest[],
): NodeCapacity {
  const here = guests.filter(({ node }) => node === name);
  const sum = (value: (each: LiveGuest) => number) => here.reduce((total, each) => total + value(each), 0);
  const marks = here.flatMap(({ exclusions }) => exclusions);
  return {
    id: name as NodeId,
    name,
    group: machine.group,
    state: 'ready',
    role: machine.role,
    architecture: 'x86_64',
    machineTypes: [],
    cpus: machine.cpus,
    memoryMiB: machine.memoryMiB,
    memoryUsedMiB: machine.foreignMiB + sum(({ memoryMiB }) => memoryMiB),
    memoryDownMiB: sum(({ memoryMiB, down }) => (down ? memoryMiB : 0)),
    vcpusUsed: sum(({ vcpus }) => vcpus),
    guests: here.length,
    exclusionRepeats: marks.length - new Set(marks).size,
    storage: {
      file: {
        totalMiB: 200_000,
        freeMiB: 100_000,
        claimedMiB: Math.min(
          90_000,
          sum((g) => g.diskMiB['file'] ?? 0),
        ),
      },
    },
    ...(machine.ratio === undefined ? {} : { policy: { vcpuRatio: machine.ratio } }),
  };
}

const needsOf = ({ vcpus, memoryMiB, diskMiB }: LiveGuest): Requirements => ({
  vcpus,
  memoryMiB,
  diskMiB: { ...diskMiB },
  networks: [],
});

/** The cluster after a move. */
function moved(live: LiveCluster, one: LiveGuest, to: string): LiveCluster {
  const shift = (node: NodeCapacity, sign: 1 | -1): NodeCapacity => ({
    ...node,
    memoryUsedMiB: node.memoryUsedMiB + sign * one.memoryMiB,
    memoryDownMiB: (node.memoryDownMiB ?? 0) + (one.down ? sign * one.memoryMiB : 0),
    vcpusUsed: node.vcpusUsed + sign * one.vcpus,
    guests: (node.guests ?? 0) + sign,
    storage: Object.fromEntries(
      Object.entries(node.storage).map(([name, pool]) => [
        name,
        { ...pool, freeMiB: pool.freeMiB - sign * (one.diskMiB[name] ?? 0) },
      ]),
    ),
  });
  const nodes = live.nodes.map((node) =>
    node.id === one.node ? shift(node, -1) : node.id === to ? shift(node, 1) : node,
  );
  const guests = live.guests.map((each) => (each.peer.id === one.peer.id ? { ...each, node: to } : each));
  return { ...live, nodes, guests };
}

const scoreAsCluster = (live: LiveCluster) => scoreOf(new ClusterState(clusterDataOf(live)));

describe('the score', () => {
  test('of a live cluster is that of the cluster as data, and with a newcomer too', () => {
    fc.assert(
      fc.property(cluster, (live) => {
        const ganeti = scoreAsCluster(live);
        const score = new ClusterScore(live.nodes, live.policy);
        expect(score.now()).toBeCloseTo(ganeti.total - (ganeti.own ?? 0), 6);
        for (const node of live.nodes.filter(isOnline)) {
          const newcomer: LiveGuest = {
            ...{ peer: { id: 'new', name: 'new' }, node: node.id, vcpus: 2, memoryMiB: 700 },
            ...{ diskMiB: { file: 4096 }, down: false, exclusions: [], bytes: 0 },
          };
          const added = moved(live, { ...newcomer, node: 'nowhere' }, node.id);
          const { total, own = 0 } = scoreAsCluster({ ...added, guests: [...live.guests, newcomer] });
          const needs = needsOf(newcomer);
          expect(score.total(node, needs)).toBeCloseTo(total - own, 6);
          const parts = Object.values(score.parts({ node, needs, wishes: {} })).reduce((a, b) => a + b, 0);
          expect(parts).toBeCloseTo(score.total(node, needs), 6);
        }
      }),
    );
  });

  test('is what the independent scorer says of the file', () => {
    const plain = cluster.filter(({ nodes }) => nodes.filter(isOnline).length > 0);
    for (const live of fc.sample(plain, { numRuns: 12, seed: 7 })) {
      const { total, own = 0 } = scoreAsCluster(live);
      const { house: _, ...data } = clusterDataOf(live);
      expect(refereeScore(writeCluster(data))['score']).toBeCloseTo(total - own, 6);
    }
  });
});

describe('a plan', () => {
  const options = fc.record({
    minGain: fc.constantFrom(0.001, 0.01, 0.2),
    maxMoves: fc.constantFrom(undefined, 1, 3),
    maxBytes: fc.constantFrom(undefined, 10_000 * 2 ** 20),
    group: fc.constantFrom(undefined, 'g1'),
  });

  test('has only moves that lower the score and that the live rules allow when their turn comes', () => {
    fc.assert(
      fc.property(cluster, options, (live, wanted) => {
        const plan = planLiveBalance(live, wanted);
        let now = live;
        for (const { guest: one, from, to, gain } of plan.moves) {
          const guest = now.guests.find(({ peer }) => peer.id === one.peer.id) as LiveGuest;
          expect(guest.held).toBeUndefined();
          expect(guest.node).toBe(from);
          expect(gain).toBeGreaterThanOrEqual(wanted.minGain - 1e-9);
          const target = now.nodes.find(({ id }) => id === to) as NodeCapacity;
          expect(target.group).toBe(now.nodes.find(({ id }) => id === from)?.group);
          if (wanted.group) expect(target.group).toBe(wanted.group);
          expect(rejectionsOf(target, needsOf(guest), live.policy)).toEqual([]);
          expect(live.fits(one, target)).toBe(true);
          const here = now.guests.filter(({ node }) => node === to).map(({ peer }) => peer);
          const everybody = () => now.guests.map(({ peer }) => peer);
          expect(affinityOn(guest.peer, here, everybody).rejections).toEqual([]);
          now = moved(now, guest, to);
        }
        expect(plan.moves.length).toBeLessThanOrEqual(wanted.maxMoves ?? 100);
        expect(plan.moves.reduce((sum, { guest }) => sum + guest.bytes, 0)).toBeLessThanOrEqual(
          wanted.maxBytes ?? Number.POSITIVE_INFINITY,
        );
        if (wanted.group === undefined) {
          expect(plan.score.before).toBeCloseTo(scoreAsCluster(live).total, 6);
          expect(plan.score.after).toBeCloseTo(scoreAsCluster(now).total, 6);
        }
        if (plan.moves.length > 0 && wanted.group) expect(plan.score.after).toBeLessThan(plan.score.before);
      }),
    );
  });

  test('leaves nothing to do that it could have done', () => {
    fc.assert(
      fc.property(cluster, (live) => {
        let now = live;
        for (const { guest, to } of planLiveBalance(live, { minGain: 0.05 }).moves)
          now = moved(now, now.guests.find(({ peer }) => peer.id === guest.peer.id) as LiveGuest, to);
        expect(planLiveBalance(now, { minGain: 0.05 }).moves).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  const even = (guests: LiveGuest[]): LiveCluster => ({
    nodes: ['n0', 'n1'].map((name) =>
      capacity(
        name,
        { memoryMiB: 16_384, cpus: 16, ratio: undefined, role: 'active', foreignMiB: 0, group: 'g1' },
        guests,
      ),
    ),
    groups: [{ id: 'g1', name: 'one' }],
    guests,
    policy: defaultPolicy,
    fits: () => true,
  });
  const one = (id: string, node: string, more: Partial<LiveGuest> = {}): LiveGuest => ({
    ...{ peer: { id, name: id }, node, vcpus: 1, memoryMiB: 512, diskMiB: { file: 1000 } },
    ...{ down: false, exclusions: [], bytes: 100, ...more },
  });

  test('tells who would go if he might, and why he does not', () => {
    const live = even([one('a', 'n0', { held: 'locked by root' }), one('b', 'n0', { held: 'busy' })]);
    const plan = planLiveBalance(live, { minGain: 0.01 });
    expect(plan.moves).toEqual([]);
    expect(plan.held.map(({ guest, why, to }) => [guest.peer.name, why, to])).toEqual([
      ['a', 'locked by root', 'n1'],
      ['b', 'busy', 'n1'],
    ]);
    expect(plan.held[0]?.gain).toBeGreaterThan(1);
  });

  test('a limit of bytes takes the smaller one, and names the larger', () => {
    const live = even([
      one('big', 'n0', { bytes: 5000, memoryMiB: 6000 }),
      one('small', 'n0', { bytes: 50 }),
      one('other', 'n0', { bytes: 60 }),
      one('third', 'n0', { bytes: 70 }),
    ]);
    const plan = planLiveBalance(live, { minGain: 0.01, maxBytes: 50 });
    expect(plan.moves.map(({ guest }) => guest.peer.name)).toEqual(['small']);
    expect(plan.held.map(({ guest }) => guest.peer.name)).toContain('big');
    expect(plan.held[0]?.why).toMatch(/--max-bytes/);
  });

  test('what is broken between others holds nobody back', () => {
    const db = { name: 'db', labels: { app: 'db' } };
    const lonely = { affinity: [{ policy: 'anti-affinity' as const, label: 'app=db' }] };
    const live = even([
      one('a', 'n0', { peer: { ...db, id: 'a' } }),
      one('b', 'n0', { peer: { ...db, id: 'b' } }),
    ]);
    const elsewhere = capacity(
      'n2',
      { memoryMiB: 16_384, cpus: 16, ratio: undefined, role: 'active', foreignMiB: 0, group: 'g2' },
      [],
    );
    const guests = [
      ...live.guests,
      one('c', 'n2', { peer: { ...db, id: 'c' } }),
      one('d', 'n2', { peer: { id: 'd', name: 'd', ...lonely } }),
    ];
    const two = {
      ...live,
      guests,
      nodes: [...live.nodes, elsewhere],
      groups: [...live.groups, { id: 'g2', name: 'two' }],
    };
    expect(planLiveBalance(two, { minGain: 0.05 }).moves).toMatchObject([{ from: 'n0', to: 'n1' }]);
  });

  test('soft rules count like everything else: friends go together, though counts are uneven then', () => {
    const friend = { id: 'f', name: 'f', affinity: [{ policy: 'soft-affinity' as const, instance: 'a' }] };
    const live = even([one('a', 'n0', { held: 'x' }), one('f', 'n1', { peer: friend })]);
    const { moves, score } = planLiveBalance(live, { minGain: 0.01 });
    expect(moves.map(({ guest, to }) => [guest.peer.id, to])).toEqual([['f', 'n0']]);
    expect(score.own).toEqual({ before: 16, after: 0 });
  });

  test('what one move gains', () => {
    const live = even([one('a', 'n0'), one('b', 'n0')]);
    expect(gainOf(live, 'a', 'n1')).toBeGreaterThan(1);
    expect(gainOf(live, 'a', 'n0')).toBeUndefined();
    expect(gainOf(even([one('a', 'n0'), one('b', 'n1')]), 'a', 'n1')).toBeUndefined();
  });
});
