import { describe, expect, test } from 'vitest';
import { balanceGroup } from '../src/balance/balance.ts';
import { forbids } from '../src/balance/moves.ts';
import { planBalance } from '../src/balance/plan-balance.ts';
import { nodesOfGroup, scoreOf } from '../src/engine/score.ts';
import { ClusterState } from '../src/engine/state.ts';
import { parseCluster } from '../src/ganeti/parse.ts';
import { writeCluster } from '../src/ganeti/write.ts';
import { oracleText, refereeScore } from './oracle.ts';

// hbal -t FILE -G GROUP (ganeti-htools 3.0.2): score, moves; then with -l 5.
const hbal: [name: string, group: number, score: number, moves: number, five: number][] = [
  ['mixed-20', 0, 7.47590058, 47, 31.32413039],
  ['mixed-20', 1, 6.98580653, 40, 34.71436004],
  ['unsafe-20', 0, 39.63091991, 53, 83.8872329],
  ['unsafe-20', 1, 80.07842603, 64, 246.25740788],
  ['tight-20', 0, 32.01269735, 62, 74.01134235],
  ['tight-20', 1, 30.76318625, 62, 69.41687836],
  ['offline-20', 0, 51.38250976, 56, 133.43874895],
  ['offline-20', 1, 51.22776427, 49, Number.POSITIVE_INFINITY],
  ['mixed-100', 0, 15.23849292, 146, 93.54493357],
  ['unsafe-100', 0, 19.25972402, 142, Number.POSITIVE_INFINITY],
  ['tight-100', 0, 23.08237976, 176, Number.POSITIVE_INFINITY],
];

describe.each(hbal)('%s, group %i', (name, group, score, moves, five) => {
  const data = parseCluster(oracleText(`${name}.txt`));
  const plan = balanceGroup(data, group);

  test('comes lower than hbal with fewer moves', () => {
    expect(plan.after.total).toBeLessThan(score);
    expect(plan.moves.length).toBeLessThanOrEqual(moves);
  });

  test('as well as hbal with five moves', () => {
    const short = balanceGroup(data, group, { maxMoves: 5 });
    expect(short.moves.length).toBeLessThanOrEqual(5);
    expect(short.after.total).toBeLessThanOrEqual(five + 1e-8);
  });

  test('every move is allowed when its turn comes, leads where it says, and no node newly fails N+1', () => {
    const state = new ClusterState(data, { group });
    const nodes = nodesOfGroup(state, group);
    const failing = nodes.filter((n) => state.failsN1(n));
    for (const move of plan.moves) {
      expect(forbids(state, move.instance, move.primary, move.secondary)).toBeUndefined();
      state.remove(move.instance);
      state.place(move.instance, move.primary, move.secondary);
      expect(scoreOf(state, nodes).total).toBeCloseTo(move.score, 7);
    }
    // Only guests of nodes that are down may press others: that is Ganeti’s own rule.
    if (!nodes.some((n) => data.nodes.offline[n] === 1))
      expect(nodes.filter((n) => state.failsN1(n) && !failing.includes(n))).toEqual([]);
    expect(state.primary).toEqual([...(plan.places.primary as number[])]);
  });
});

test('all groups in one call; the written cluster has the score that was promised', () => {
  const data = parseCluster(oracleText('mixed-20.txt'));
  const { report, after } = planBalance(data, undefined, {});
  const text = writeCluster(after);
  expect(refereeScore(text)['score']?.toFixed(8)).toBe(report.score.after.toFixed(8));
  for (const { group, score } of report.groups)
    expect(refereeScore(text, group)['score']?.toFixed(8)).toBe(score.after.toFixed(8));
});

test('groups share the moves, and instances that must stay do', () => {
  const data = parseCluster(oracleText('mixed-20.txt'));
  const { report, after } = planBalance(data, undefined, { maxMoves: 6 });
  expect(report.moves.length).toBeLessThanOrEqual(6);
  const fixed = data.instances.flatMap(({ autoBalance, template }, i) =>
    autoBalance && template === 'drbd' ? [] : [i],
  );
  for (const i of fixed) expect(after.primary[i]).toBe(data.primary[i]);
});

test('evacuating moves only what has a node that is down, and leaves nothing there that can go', () => {
  const data = parseCluster(oracleText('offline-20.txt'));
  const down = data.nodes.names.filter((_, n) => data.nodes.offline[n] === 1);
  const { report, after } = planBalance(data, undefined, { evacuate: true });
  const nodesOf = (i: number) =>
    [data.primary[i], data.secondary[i]].map((n) => data.nodes.names[n ?? -1] ?? '');
  for (const { instance } of report.moves) {
    const i = data.instances.findIndex(({ name }) => name === instance);
    expect(nodesOf(i).some((node) => down.includes(node))).toBe(true);
  }
  const left = after.instances.filter((spec, i) => {
    const nodes = [after.primary[i], after.secondary[i]].map((n) => after.nodes.names[n ?? -1] ?? '');
    return spec.autoBalance && spec.template !== 'plain' && nodes.some((node) => down.includes(node));
  });
  expect(left).toEqual([]);
});

test('a plan is the same each time', () => {
  const data = parseCluster(oracleText('tight-20.txt'));
  expect(balanceGroup(data, 0).moves).toEqual(balanceGroup(data, 0).moves);
});
