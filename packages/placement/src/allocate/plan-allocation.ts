/** Places new instances in a cluster file, one after the other, and says why each is where it is. */
import { scoreOf } from '../engine/score.ts';
import { type ScoreReport, scoreReport } from '../engine/score-report.ts';
import { ClusterState, type Footprint } from '../engine/state.ts';
import type { ClusterData } from '../ganeti/cluster-data.ts';
import type { AllocationRequest } from '../ganeti/request.ts';
import { Allocator } from './allocate.ts';
import { explain, type Refused } from './explain.ts';
import { verdictsFor } from './verdicts.ts';

export interface Placed {
  instance: string;
  /** Primary and secondary; empty: no node can take it. */
  nodes: string[];
  group?: string;
  /** Of the whole cluster. */
  score?: ScoreReport;
  lookedAt: number;
  /** Nodes that cannot take it. */
  refused: Refused[];
  /** Every pair of nodes that might take it would leave a loss that cannot be covered. */
  lossesUncovered?: true;
}

/** @returns the cluster with the instances that found a place */
export function planAllocation(
  data: ClusterData,
  requests: readonly AllocationRequest[],
  options: { ignoreCapacity?: boolean },
): { placed: Placed[]; after: ClusterData } {
  let after = data;
  const placed = requests.map((request) => {
    const one = placeOne(after, request, options);
    after = one.after;
    return one.placed;
  });
  return { placed, after };
}

function placeOne(data: ClusterData, request: AllocationRequest, options: { ignoreCapacity?: boolean }) {
  const { spec } = request;
  const state = new ClusterState(data, { newcomers: [spec] });
  const footprint = state.newcomers[0] as Footprint;
  const verdicts = verdictsFor(state, spec, footprint, request);
  const placed: Placed = {
    instance: spec.name,
    nodes: [],
    lookedAt: data.nodes.count,
    refused: explain(state, spec, footprint, verdicts),
  };
  const allocator = new Allocator(state);
  const place = allocator.find(spec, footprint, verdicts, options);
  if (!place) {
    const withoutChecks = () => allocator.find(spec, footprint, verdicts, { ignoreCapacity: true });
    if (options.ignoreCapacity !== true && withoutChecks()) placed.lossesUncovered = true;
    return { placed, after: data };
  }
  state.add(spec, footprint, place.primary, place.secondary);
  placed.score = scoreReport(allocator.spreads.score, scoreOf(state));
  placed.group = data.groups[data.nodes.group[place.primary] as number]?.name ?? '';
  placed.nodes = [place.primary, place.secondary].filter((n) => n >= 0).map((n) => data.nodes.names[n] ?? '');
  return { placed, after: state.snapshot() };
}
