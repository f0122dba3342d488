/**
 * One instance placed within a process that knows the cluster already, at 10,000 nodes (GANTRY_BENCH_NODES): the engine of
 * cluster files (pairs, the whole cluster's score) and the choice of a live cluster's node. Milliseconds of CPU each.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { NodeCapacity, Requirements } from '../packages/model/src/index.ts';
import { Allocator } from '../packages/placement/src/allocate/allocate.ts';
import { verdictsFor } from '../packages/placement/src/allocate/verdicts.ts';
import { ClusterState, type Footprint } from '../packages/placement/src/engine/state.ts';
import type { InstanceSpec } from '../packages/placement/src/ganeti/cluster-data.ts';
import { parseCluster } from '../packages/placement/src/ganeti/parse.ts';
import { place } from '../packages/placement/src/place.ts';

const NODES = Number(process.env['GANTRY_BENCH_NODES'] ?? 10_000);
const ROUNDS = 40;
const oracle = join(import.meta.dirname, '../test/oracle/placement/mixed-1000.txt.gz');

/** The file of 1,000 nodes so many times, each copy with groups, nodes and instances of its own. */
function copies(count: number): string {
  const [groups = '', nodes = '', instances = '', tags = '', policies = ''] = gunzipSync(readFileSync(oracle))
    .toString()
    .trimEnd()
    .split('\n\n');
  const rename = (part: string, fields: number[], copy: number) =>
    part.split('\n').map((line) => {
      const values = line.split('|');
      for (const field of fields) if (values[field] !== '') values[field] = `${values[field]}-${copy}`;
      return values.join('|');
    });
  const all = (part: string, ...fields: number[]) =>
    Array.from({ length: count }, (_, copy) => rename(part, fields, copy).join('\n')).join('\n');
  const ofCluster = policies.split('\n').filter((line) => line.startsWith('|'));
  const ofGroups = policies.split('\n').filter((line) => !line.startsWith('|') && line !== '');
  return `${[
    all(groups, 0, 1),
    all(nodes, 0, 8),
    all(instances, 0, 6, 7),
    tags,
    [...ofCluster, all(ofGroups.join('\n'), 0)].join('\n'),
  ].join('\n\n')}\n`;
}

function tell(what: string, act: () => unknown): void {
  for (let round = 0; round < 5; round++) act();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(share * (ROUNDS - 1))] ?? 0).toFixed(1).padStart(7);
  console.log(`${what.padEnd(40)} median ${at(0.5)}   p95 ${at(0.95)}`);
}

const data = parseCluster(copies(Math.ceil(NODES / 1000)));
console.log(`${data.nodes.count} nodes, ${data.instances.length} instances`);

/** Each is put there, so that the next one finds another cluster. */
function allocate(template: string, memory: number, vcpus: number, disk: number): void {
  const spec: InstanceSpec = {
    name: 'new',
    memory,
    vcpus,
    disk,
    disks: [disk],
    status: 'running',
    autoBalance: true,
    template,
    tags: [],
    spindleUse: 1,
    diskSpindles: undefined,
    forthcoming: false,
  };
  const state = new ClusterState(data, { newcomers: [spec] });
  const footprint = state.newcomers[0] as Footprint;
  const allocator = new Allocator(state);
  let count = 0;
  tell(`allocate ${template}`, () => {
    const found = allocator.find(spec, footprint, verdictsFor(state, spec, footprint, {}), {
      ignoreCapacity: true,
    });
    if (!found) throw new Error('the cluster is full');
    allocator.add({ ...spec, name: `new-${count++}` }, footprint, found);
  });
}
allocate('drbd', 8192, 4, 82_048);
allocate('plain', 4096, 2, 40_960);

const live = data.nodes.names.map((name, n): NodeCapacity => {
  const at = (column: ArrayLike<number>) => column[n] as number;
  return {
    id: name as NodeCapacity['id'],
    name,
    group: 'g',
    state: 'ready',
    role: 'active',
    architecture: 'x86_64',
    machineTypes: ['pc', 'q35'],
    cpus: at(data.nodes.cpus),
    memoryMiB: at(data.nodes.totalMem),
    memoryUsedMiB: at(data.nodes.totalMem) - at(data.nodes.freeMem),
    vcpusUsed: at(data.nodes.cpus),
    guests: n % 12,
    storage: {
      file: { totalMiB: at(data.nodes.totalDisk), freeMiB: at(data.nodes.freeDisk), claimedMiB: 0 },
    },
  };
});
const needs: Requirements = { vcpus: 2, memoryMiB: 4096, diskMiB: { file: 40_960 }, networks: [] };
tell('live cluster, with every node’s verdict', () => {
  if (!place(live, needs).chosen) throw new Error('the cluster is full');
});
