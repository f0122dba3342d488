/** How many instances a cluster can still take: of the policy's standard size, and from the largest size downwards. */
import { scoreOf } from '../engine/score.ts';
import { type ScoreReport, scoreReport } from '../engine/score-report.ts';
import { ClusterState } from '../engine/state.ts';
import type { ClusterData, InstanceSpec, Spec } from '../ganeti/cluster-data.ts';
import { type FillOptions, fill, fillByScore } from './fill.ts';
import { fillTiered, type Tier } from './tiered.ts';

export interface CapacityOptions extends FillOptions {
  /** The policy's first, if not given. */
  template?: string | undefined;
  /** Instead of the policy's standard size. */
  standard?: Pick<Spec, 'memory' | 'disk' | 'vcpus'> | undefined;
  /** Leave the tiers out. */
  standardOnly?: boolean;
  /** Do not look at what the loss of a node would bring. */
  ignoreCapacity?: boolean;
}

export interface CapacityReport {
  standard: {
    size: Tier;
    score: ScoreReport;
    /** So many can be placed with every loss of a node covered that is covered now. */
    withLossesCovered?: number;
  };
  tiered?: { count: number; tiers: Tier[]; score: ScoreReport };
}

/** @returns also the cluster filled with instances of standard size */
export function planCapacity(
  data: ClusterData,
  options: CapacityOptions,
): { report: CapacityReport; after: ClusterData } {
  const { standard, ranges, templates } = data.policy;
  const template = options.template ?? templates[0] ?? 'plain';
  const before = scoreOf(new ClusterState(data));
  const size = { ...standard, ...options.standard };
  const spec = instanceOf(size, template);
  const filled = fill(data, spec, options);
  const { memory, disk, vcpus } = size;
  const report: CapacityReport = {
    standard: {
      size: { memory, disk, vcpus, count: filled.places.length },
      score: scoreReport(before, scoreOf(filled.state)),
    },
  };
  if (options.ignoreCapacity !== true)
    report.standard.withLossesCovered = fillByScore(data, spec, options, false).places.length;
  const largest = ranges.map(({ max }) => max).sort((a, b) => b.memory - a.memory)[0];
  if (options.standardOnly !== true && largest) {
    const { tiers, state, count } = fillTiered(
      data,
      instanceOf(largest, template, standard.spindles),
      options,
    );
    report.tiered = { count, tiers, score: scoreReport(before, scoreOf(state)) };
  }
  return { report, after: filled.state.snapshot() };
}

/** As hspace makes them: one disk, running, without tags. */
const instanceOf = (size: Spec, template: string, spindleUse = size.spindles): InstanceSpec => ({
  name: 'new',
  memory: size.memory,
  vcpus: size.vcpus,
  disk: size.disk,
  disks: [size.disk],
  status: 'running',
  autoBalance: true,
  template,
  tags: [],
  spindleUse,
  diskSpindles: size.spindles,
  forthcoming: false,
});
