/** Scores as they are shown: both sides of a change, part by part. */
import { type ComponentName, componentNames, type Score, weights } from './components.ts';

export interface ScoreReport {
  before: number;
  after: number;
  components: Record<ComponentName, { weight: number; before: number; after: number }>;
  /** Of rules that Ganeti does not know, weighted; absent: none. */
  own?: { before: number; after: number };
}

export const scoreReport = (before: Score, after: Score): ScoreReport => ({
  before: before.total,
  after: after.total,
  components: Object.fromEntries(
    componentNames.map((name) => [
      name,
      { weight: weights[name], before: before.components[name], after: after.components[name] },
    ]),
  ) as ScoreReport['components'],
  ...(before.own || after.own ? { own: { before: before.own ?? 0, after: after.own ?? 0 } } : {}),
});
