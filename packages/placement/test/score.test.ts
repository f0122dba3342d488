import { expect, test } from 'vitest';
import { nodesOfGroup, scoreOf } from '../src/engine/score.ts';
import { ClusterState } from '../src/engine/state.ts';
import { parseCluster } from '../src/ganeti/parse.ts';
import { oracleText, plainClusters, refereeScore } from './oracle.ts';

test.each(plainClusters)('the score of %s is the referee’s in all 8 digits, part by part', (name) => {
  const text = oracleText(`${name}.txt`);
  const { components, total } = scoreOf(new ClusterState(parseCluster(text)));
  const { score, ...parts } = refereeScore(text);
  expect(total.toFixed(8)).toBe(score?.toFixed(8));
  for (const [part, value] of Object.entries(components))
    expect(`${part} ${value.toFixed(8)}`).toBe(`${part} ${parts[part]?.toFixed(8)}`);
});

test.each([
  ['mixed-20', 'group0'],
  ['unsafe-20', 'group1'],
  ['offline-20', 'group0'],
  ['tight-100', 'group2'],
])('of %s its %s by itself too', (name, group) => {
  const text = oracleText(`${name}.txt`);
  const data = parseCluster(text);
  const index = data.groups.findIndex((each) => each.name === group);
  const state = new ClusterState(data, { group: index });
  const { total } = scoreOf(state, nodesOfGroup(state, index));
  expect(total.toFixed(8)).toBe(refereeScore(text, group)['score']?.toFixed(8));
});
