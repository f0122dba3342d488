import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mover } from '../src/balance/mover.ts';
import { allNodes, scoreOf } from '../src/engine/score.ts';
import { Spreads } from '../src/engine/spread.ts';
import { ClusterState } from '../src/engine/state.ts';
import { parseCluster } from '../src/ganeti/parse.ts';
import { oracleText, smallClusters } from './oracle.ts';

const clusters = smallClusters.map((name) => parseCluster(oracleText(`${name}.txt`)));
const step = fc.record({ instance: fc.nat(), primary: fc.nat(), secondary: fc.nat() });

test('the score kept up to date is the one computed anew, whatever is moved where', () => {
  fc.assert(
    fc.property(fc.nat(clusters.length - 1), fc.array(step, { maxLength: 12 }), (which, steps) => {
      const state = new ClusterState(clusters[which] as (typeof clusters)[0]);
      const mover = new Mover(state, new Spreads(state, allNodes(state)));
      const { count } = state.data.nodes;
      for (const { instance, primary, secondary } of steps) {
        const i = instance % state.instances.length;
        const p = primary % count;
        const s = (state.secondary[i] as number) < 0 ? -1 : (p + 1 + (secondary % (count - 1))) % count;
        const expected = mover.scoreAt(i, p, s);
        mover.keep(i, p, s);
        expect(expected).toBeCloseTo(scoreOf(state).total, 7);
        expect(mover.spreads.value()).toBeCloseTo(expected, 9);
      }
    }),
  );
});

test('what is moved away and back leaves everything as it was', () => {
  fc.assert(
    fc.property(fc.nat(clusters.length - 1), step, (which, { instance, primary }) => {
      const state = new ClusterState(clusters[which] as (typeof clusters)[0]);
      const i = instance % state.instances.length;
      const [p, s] = [state.primary[i] as number, state.secondary[i] as number];
      const other = primary % state.data.nodes.count;
      const before = scoreOf(state);
      state.remove(i);
      state.place(i, other === s ? p : other, s);
      state.remove(i);
      state.place(i, p, s);
      expect(scoreOf(state)).toEqual(before);
    }),
  );
});
