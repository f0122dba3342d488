/**
 * The nodes: `name|total mem|node mem|free mem|total disk|free disk|cpus|Y offline, M master, N|group uuid|spindles|tags|
 * exclusive storage|free spindles|node vcpus|cpu speed`; what comes after the group may be missing from the end on.
 */
import type { Group, NodeTable } from './cluster-data.ts';
import { choices, type Line } from './fields.ts';

const SPINDLES = 9;
const states = choices(['Y', 'N', 'M']);

/** @throws GantryError `invalid_cluster_file` */
export function parseNodes(
  line: Line,
  lines: { first: number; end: number },
  groups: readonly Group[],
): NodeTable {
  const nodes = emptyNodes(lines.end - lines.first);
  const uuids = new Map(groups.map(({ uuid }, i) => [uuid, i]));
  const seen = new Set<string>();
  for (let n = 0; n < nodes.count; n += 1) {
    line.at(lines.first + n);
    nodes.names[n] = line.unseen(seen);
    const group = uuids.get(line.text(8, 'group'));
    if (group === undefined) throw line.bad(`no group has the uuid ${JSON.stringify(line.text(8, 'group'))}`);
    nodes.group[n] = group;
    const state = line.choice(7, 'state', states);
    nodes.offline[n] = state === 'Y' ? 1 : 0;
    if (state === 'M') nodes.master = n;
    // Ganeti writes question marks for what a node that does not answer did not tell.
    if (asksInstead(line)) nodes.offline[n] = 1;
    else resources(nodes, n, line);
    more(nodes, n, line);
  }
  return nodes;
}

function asksInstead(line: Line): boolean {
  for (let index = 1; index <= 6 && index < line.length; index += 1)
    if (line.text(index, '') === '?') return true;
  return false;
}

function resources(nodes: NodeTable, n: number, line: Line): void {
  nodes.totalMem[n] = line.real(1, 'total memory');
  nodes.nodeMem[n] = line.int(2, 'memory of the node');
  nodes.freeMem[n] = line.int(3, 'free memory');
  nodes.totalDisk[n] = line.real(4, 'total disk');
  nodes.freeDisk[n] = line.int(5, 'free disk');
  nodes.cpus[n] = line.real(6, 'CPUs');
  if (nodes.offline[n] === 1) return;
  if (nodes.totalMem[n] === 0 || nodes.cpus[n] === 0)
    throw line.bad('a node that is online has memory and CPUs, and this one has none');
}

function more(nodes: NodeTable, n: number, line: Line): void {
  const has = (index: number) => index < line.length;
  nodes.spindles[n] = has(SPINDLES) ? line.count(SPINDLES, 'spindles') : 1;
  nodes.tags[n] = has(10) ? line.list(10, 'tags') : [];
  nodes.exclusiveStorage[n] = has(11) && line.yesNo(11, 'exclusive storage') ? 1 : 0;
  nodes.freeSpindles[n] = has(12) ? line.int(12, 'free spindles') : 0;
  nodes.nodeCpus[n] = has(13) ? line.count(13, 'vCPUs of the node') : 1;
  nodes.cpuSpeed[n] = has(14) ? line.real(14, 'CPU speed') : 1;
  if (nodes.cpuSpeed[n] === 0) throw line.bad('a CPU speed of 0 cannot be');
}

/** Without names, all zero. */
export const emptyNodes = (count: number): NodeTable => ({
  count,
  names: [],
  totalMem: new Float64Array(count),
  nodeMem: new Float64Array(count),
  freeMem: new Float64Array(count),
  totalDisk: new Float64Array(count),
  freeDisk: new Float64Array(count),
  cpus: new Float64Array(count),
  offline: new Uint8Array(count),
  group: new Int32Array(count),
  master: -1,
  spindles: new Float64Array(count),
  tags: [],
  exclusiveStorage: new Uint8Array(count),
  freeSpindles: new Float64Array(count),
  nodeCpus: new Float64Array(count),
  cpuSpeed: new Float64Array(count).fill(1),
});
