/**
 * The instances: `name|mem|disk|vcpus|status|auto_balance|primary|secondary or nothing|template|tags|spindle use|
 * disk spindles or -|forthcoming`; what comes after the tags may be missing from the end on.
 */
import {
  diskTemplates,
  type InstanceSpec,
  instanceStatuses,
  type NodeTable,
  needsSecondary,
} from './cluster-data.ts';
import type { Line } from './fields.ts';

/** @throws GantryError `invalid_cluster_file` */
export function parseInstances(lines: Iterable<Line>, count: number, nodes: NodeTable) {
  const index = new Map(nodes.names.map((name, n) => [name, n]));
  const instances: InstanceSpec[] = [];
  const primary = new Int32Array(count);
  const secondary = new Int32Array(count).fill(-1);
  for (const line of lines) {
    const i = instances.length;
    const spec = specOf(line);
    primary[i] = nodeOf(index, line, 6, 'primary');
    if (!line.isEmpty(7, 'secondary')) secondary[i] = nodeOf(index, line, 7, 'secondary');
    else if (needsSecondary(spec.template)) throw line.bad(`${spec.template} needs a secondary node`);
    if (primary[i] === secondary[i]) throw line.bad('primary and secondary are the same node');
    instances.push(spec);
  }
  return { instances, primary, secondary };
}

const NO_DISKS: readonly number[] = [];

function specOf(line: Line): InstanceSpec {
  const has = (index: number) => index < line.length;
  const spindles = has(11) ? line.text(11, 'disk spindles') : '-';
  return {
    name: line.nonEmpty(0, 'name'),
    memory: line.count(1, 'memory'),
    disk: line.count(2, 'disk'),
    disks: NO_DISKS,
    vcpus: line.count(3, 'vCPUs'),
    status: line.choice(4, 'status', instanceStatuses),
    autoBalance: line.yesNo(5, 'auto_balance'),
    template: line.choice(8, 'disk template', diskTemplates),
    tags: line.list(9, 'tags'),
    spindleUse: has(10) ? line.count(10, 'spindle use') : 1,
    diskSpindles: spindles === '-' ? undefined : line.count(11, 'disk spindles'),
    forthcoming: has(12) && line.yesNo(12, 'forthcoming'),
  };
}

function nodeOf(index: ReadonlyMap<string, number>, line: Line, field: number, role: string): number {
  const name = line.text(field, role);
  const node = index.get(name);
  if (node === undefined) throw line.bad(`its ${role} ${JSON.stringify(name)} is no node of this file`);
  return node;
}
