import { expect, test } from 'vitest';
import { planCapacity } from '../src/capacity/plan-capacity.ts';
import { ClusterState } from '../src/engine/state.ts';
import { parseCluster } from '../src/ganeti/parse.ts';
import { writeCluster } from '../src/ganeti/write.ts';
import { oracleText, refereeScore } from './oracle.ts';

// hspace -t FILE --no-capacity-checks --accept-existing-errors (ganeti-htools 3.0.2): standard and tiered instances.
test.each([
  ['mixed-20', 97, 17],
  ['tight-20', 28, 16],
  ['unsafe-20', 101, 20],
  ['mixed-100', 817, 103],
  ['tight-100', 175, 81],
])('%s takes at least as many as hspace gets in', (name, standard, tiered) => {
  const data = parseCluster(oracleText(`${name}.txt`));
  const { report } = planCapacity(data, { ignoreCapacity: true });
  expect(report.standard.size.count).toBeGreaterThanOrEqual(standard);
  expect(report.tiered?.count).toBeGreaterThanOrEqual(tiered);
});

test('the filled cluster is legal, and scores as promised', () => {
  const data = parseCluster(oracleText('tight-20.txt'));
  const { report, after } = planCapacity(data, { standardOnly: true });
  const [before, now] = [new ClusterState(data), new ClusterState(after)];
  for (const n of data.nodes.names.keys()) if (!before.failsN1(n)) expect(now.failsN1(n)).toBe(false);
  expect(after.instances).toHaveLength(data.instances.length + report.standard.size.count);
  expect(new Set(after.instances.map(({ name }) => name)).size).toBe(after.instances.length);
  expect(refereeScore(writeCluster(after))['score']?.toFixed(8)).toBe(report.standard.score.after.toFixed(8));
  expect(report.standard.withLossesCovered).toBeLessThanOrEqual(report.standard.size.count);
});

test('a limit is kept', () => {
  const data = parseCluster(oracleText('mixed-20.txt'));
  const { report } = planCapacity(data, { limit: 3 });
  expect([report.standard.size.count, report.tiered?.count]).toEqual([3, 3]);
});
