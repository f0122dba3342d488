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
import { choices, type Line } from './fields.ts';

/** @throws GantryError `invalid_cluster_file` */
export function parseInstances(line: Line, lines: { first: number; end: number }, nodes: NodeTable) {
  const index = new Map(nodes.names.map((name, n) => [name, n]));
  const seen = new Set<string>();
  const count = lines.end - lines.first;
  const instances = new Array<InstanceSpec>(count);
  const primary = new Int32Array(count);
  const secondary = new Int32Array(count).fill(-1);
  const tagLists = new Map<string, readonly string[]>();
  for (let i = 0; i < count; i += 1) {
    line.at(lines.first + i);
    const spec = specOf(line, line.unseen(seen), tagLists);
    primary[i] = nodeOf(index, line, 6, 'primary');
    if (!line.isEmpty(7, 'secondary')) secondary[i] = nodeOf(index, line, 7, 'secondary');
    else if (needsSecondary(spec.template)) throw line.bad(`${spec.template} needs a secondary node`);
    if (primary[i] === secondary[i]) throw line.bad('primary and secondary are the same node');
    instances[i] = spec;
  }
  return { instances, primary, secondary };
}

const statuses = choices(instanceStatuses);
const templates = choices(diskTemplates);
const NO_DISKS: readonly number[] = [];

/** @param tagLists known ones by their text: instances of one service have the same, and share it */
function specOf(line: Line, name: string, tagLists: Map<string, readonly string[]>): InstanceSpec {
  const { length } = line;
  const spindles = length > 11 ? line.text(11, 'disk spindles') : '-';
  return {
    name,
    memory: line.count(1, 'memory'),
    disk: line.count(2, 'disk'),
    disks: NO_DISKS,
    vcpus: line.count(3, 'vCPUs'),
    status: line.choice(4, 'status', statuses),
    autoBalance: line.yesNo(5, 'auto_balance'),
    template: line.choice(8, 'disk template', templates),
    tags: line.list(9, 'tags', tagLists),
    spindleUse: length > 10 ? line.count(10, 'spindle use') : 1,
    diskSpindles: spindles === '-' ? undefined : line.count(11, 'disk spindles'),
    forthcoming: length > 12 && line.yesNo(12, 'forthcoming'),
  };
}

function nodeOf(index: ReadonlyMap<string, number>, line: Line, field: number, role: string): number {
  const name = line.text(field, role);
  const node = index.get(name);
  if (node === undefined) throw line.bad(`its ${role} ${JSON.stringify(name)} is no node of this file`);
  return node;
}
