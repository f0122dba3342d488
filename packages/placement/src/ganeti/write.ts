/** The htools text format, as `parseCluster` reads it. Free memory and disk are what the tables say: see `withPlaces`. */
import type { ClusterData, InstanceSpec, NodeTable, Policy, Spec } from './cluster-data.ts';

/** Ends with a newline. */
export function writeCluster(data: ClusterData): string {
  const groups = data.groups.map(({ name, uuid, policy, tags, networks }) =>
    [name, uuid, policy, tags.join(','), networks.join(',')].join('|'),
  );
  const nodes = data.nodes.names.map((_, n) => nodeLine(data, n));
  const instances = data.instances.map((_, i) => instanceLine(data, i));
  const policies = [
    policyLine('', data.policy),
    ...data.groups.map(({ name, instancePolicy }) => policyLine(name, instancePolicy)),
  ];
  return [groups, nodes, instances, data.tags, policies]
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

function nodeLine({ nodes, groups }: ClusterData, n: number): string {
  const at = (column: keyof NodeTable) => (nodes[column] as Float64Array)[n] ?? 0;
  return [
    nodes.names[n],
    ...(['totalMem', 'nodeMem', 'freeMem', 'totalDisk', 'freeDisk', 'cpus'] as const).map(at),
    nodes.offline[n] === 1 ? 'Y' : nodes.master === n ? 'M' : 'N',
    groups[nodes.group[n] ?? 0]?.uuid,
    at('spindles'),
    nodes.tags[n]?.join(','),
    nodes.exclusiveStorage[n] === 1 ? 'Y' : 'N',
    ...(['freeSpindles', 'nodeCpus', 'cpuSpeed'] as const).map(at),
  ].join('|');
}

function instanceLine({ instances, nodes, primary, secondary }: ClusterData, i: number): string {
  const spec = instances[i] as InstanceSpec;
  return [
    spec.name,
    spec.memory,
    spec.disk,
    spec.vcpus,
    spec.status,
    spec.autoBalance ? 'Y' : 'N',
    nodes.names[primary[i] ?? 0],
    nodes.names[secondary[i] ?? -1] ?? '',
    spec.template,
    spec.tags.join(','),
    spec.spindleUse,
    spec.diskSpindles ?? '-',
    spec.forthcoming ? 'Y' : 'N',
  ].join('|');
}

const specText = ({ memory, vcpus, disk, disks, nics, spindles }: Spec): string =>
  [memory, vcpus, disk, disks, nics, spindles].join(',');

/** Haskell's `read` wants a digit after the point. */
const ratio = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const policyLine = (owner: string, policy: Policy): string =>
  [
    owner,
    specText(policy.standard),
    policy.ranges.map(({ min, max }) => `${specText(min)};${specText(max)}`).join(';'),
    policy.templates.join(','),
    ratio(policy.vcpuRatio),
    ratio(policy.spindleRatio),
  ].join('|');
