/**
 * Where everything is, as numbers per node that change in constant time when an instance is put somewhere or taken away.
 * Names and rules are Ganeti's (`HTools/Node.hs`, 3.0). Figures that end in `Forth` also count forthcoming instances.
 */
import {
  type ClusterData,
  countsVcpus,
  type InstanceSpec,
  reservesMemory,
  usesLocalDisk,
  usesMemory,
} from '../ganeti/cluster-data.ts';
import { Counts, Peers } from './peers.ts';
import { readTags, type TagTables } from './tags.ts';

/** What an instance takes of its nodes. MiB. */
export interface Footprint {
  memory: number;
  /** `memory`, or 0 where it is stopped. */
  runningMemory: number;
  /** Kept on the secondary; 0: nothing. */
  reserved: number;
  disk: number;
  vcpus: number;
  /** Of the spindle ratio; 0 with shared storage. */
  spindleUse: number;
  diskSpindles: number | undefined;
  forthcoming: boolean;
  exclusions: readonly number[];
  wishes: readonly number[];
}

export function footprintOf(
  spec: InstanceSpec,
  exclusions: readonly number[] = [],
  wishes: readonly number[] = [],
): Footprint {
  const { memory, vcpus, diskSpindles, forthcoming } = spec;
  const local = usesLocalDisk(spec.template);
  return {
    memory,
    runningMemory: usesMemory(spec) ? memory : 0,
    reserved: reservesMemory(spec) ? memory : 0,
    disk: local ? spec.disk : 0,
    vcpus: countsVcpus(spec) ? vcpus : 0,
    spindleUse: local ? spec.spindleUse : 0,
    diskSpindles,
    forthcoming,
    exclusions,
    wishes,
  };
}

export class ClusterState {
  readonly data: ClusterData;
  readonly tags: TagTables;
  readonly instances: InstanceSpec[];
  readonly footprints: Footprint[];
  readonly newcomers: readonly Footprint[];
  /** Of each instance; grow with `add`. */
  readonly primary: number[];
  readonly secondary: number[];
  /** Memory that nobody uses and that is not unaccounted for: what may be given out. */
  readonly unallocated: Float64Array;
  readonly #unallocatedFirst: Float64Array;
  readonly freeMemForth: Float64Array;
  /** Most that the loss of one node would bring here. */
  readonly reserved: Float64Array;
  readonly freeDisk: Float64Array;
  readonly freeDiskForth: Float64Array;
  readonly freeSpindles: Float64Array;
  readonly freeSpindlesForth: Float64Array;
  readonly vcpus: Float64Array;
  readonly vcpusForth: Float64Array;
  readonly primaries: Float64Array;
  readonly secondaries: Float64Array;
  readonly spindles: Float64Array;
  readonly spindlesForth: Float64Array;
  /** Spindle ratio x spindles. */
  readonly spindleLimit: Float64Array;
  readonly vcpuRatio: Float64Array;
  readonly peers: Peers;
  /** Primaries with an exclusion tag: node x number of exclusion tags + tag. */
  readonly nodeTags = new Counts();
  /** The same on nodes that are up, per failure domain: domain x number of exclusion tags + tag. */
  readonly domainTags = new Counts();
  readonly hasForthcoming: boolean;
  readonly #group: number | undefined;

  /**
   * @param options.group count failure domains in this group only: its score is its own
   * @param options.newcomers instances that may be added; their tags are numbered with the others
   */
  constructor(data: ClusterData, options: { group?: number; newcomers?: readonly InstanceSpec[] } = {}) {
    const { nodes } = data;
    const newcomers = options.newcomers ?? [];
    this.#group = options.group;
    const { count } = nodes;
    this.data = data;
    this.instances = [...data.instances];
    const all = [...data.instances, ...newcomers];
    this.tags = readTags(data, all);
    this.footprints = all.map((spec, i) => footprintOf(spec, this.tags.exclusions[i], this.tags.wishes[i]));
    this.newcomers = this.footprints.splice(data.instances.length);
    this.hasForthcoming = all.some(({ forthcoming }) => forthcoming);
    this.primary = listOf(data.primary);
    this.secondary = listOf(data.secondary);
    this.freeMemForth = nodes.freeMem.slice();
    this.freeDisk = nodes.freeDisk.slice();
    this.freeDiskForth = nodes.freeDisk.slice();
    this.freeSpindles = nodes.freeSpindles.slice();
    this.freeSpindlesForth = nodes.freeSpindles.slice();
    this.vcpus = nodes.nodeCpus.slice();
    this.vcpusForth = nodes.nodeCpus.slice();
    [this.unallocated, this.reserved, this.primaries, this.secondaries, this.spindles, this.spindlesForth] =
      Array.from({ length: 6 }, () => new Float64Array(count)) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ];
    const policies = data.groups.map(({ instancePolicy }) => instancePolicy);
    const policyOf = (n: number) => policies[nodes.group[n] as number] ?? data.policy;
    this.vcpuRatio = Float64Array.from({ length: count }, (_, n) => policyOf(n).vcpuRatio);
    this.spindleLimit = Float64Array.from(
      { length: count },
      (_, n) => policyOf(n).spindleRatio * (nodes.spindles[n] as number),
    );
    this.peers = new Peers(count);
    this.#count();
    this.#unallocatedFirst = this.unallocated.slice();
  }

  /** The cluster as it is now, with free figures that say so: Ganeti's own `hbal -S` leaves the old ones. */
  snapshot(): ClusterData {
    const { nodes } = this.data;
    const freeMem = nodes.freeMem.map(
      (free, n) => free + (this.unallocated[n] as number) - (this.#unallocatedFirst[n] as number),
    );
    return {
      ...this.data,
      nodes: {
        ...nodes,
        freeMem,
        freeDisk: this.freeDisk.slice(),
        freeSpindles: this.freeSpindles.slice(),
      },
      instances: [...this.instances],
      primary: new Int32Array(this.primary),
      secondary: new Int32Array(this.secondary),
    };
  }

  /** Does the loss of one node bring more here than is free? */
  failsN1(n: number): boolean {
    return (this.unallocated[n] as number) <= (this.reserved[n] as number);
  }

  /** Takes everything that the instance has of its two nodes. */
  remove(i: number): void {
    const footprint = this.footprints[i] as Footprint;
    const [p, s] = [this.primary[i] as number, this.secondary[i] as number];
    this.primaryChange(footprint, p, -1);
    if (s >= 0) this.secondaryChange(footprint, s, p, -1);
  }

  /** Puts a removed instance there. */
  place(i: number, p: number, s: number): void {
    const footprint = this.footprints[i] as Footprint;
    this.primary[i] = p;
    this.secondary[i] = s;
    this.primaryChange(footprint, p, 1);
    if (s >= 0) this.secondaryChange(footprint, s, p, 1);
  }

  /** One of the newcomers, or one like it. */
  add(spec: InstanceSpec, footprint: Footprint, p: number, s: number): void {
    this.instances.push(spec);
    this.footprints.push(footprint);
    this.place(this.footprints.length - 1, p, s);
  }

  /** @param sign 1: comes, -1: goes */
  primaryChange(f: Footprint, n: number, sign: 1 | -1): void {
    add(this.freeMemForth, n, -sign * f.memory);
    this.#localDisk(f, n, sign);
    add(this.vcpusForth, n, sign * f.vcpus);
    this.#exclusions(f, n, sign);
    if (f.forthcoming) return;
    add(this.unallocated, n, -sign * f.runningMemory);
    add(this.vcpus, n, sign * f.vcpus);
    add(this.primaries, n, sign);
  }

  secondaryChange(f: Footprint, n: number, p: number, sign: 1 | -1): void {
    this.#localDisk(f, n, sign);
    if (f.forthcoming) return;
    add(this.secondaries, n, sign);
    if (f.reserved === 0) return;
    this.peers.add(n, p, sign * f.reserved);
    this.reserved[n] = this.peers.max(n);
  }

  #localDisk(f: Footprint, n: number, sign: 1 | -1): void {
    const exclusive = this.data.nodes.exclusiveStorage[n] === 1;
    const spindles = exclusive ? sign * (f.diskSpindles ?? 0) : 0;
    add(this.freeDiskForth, n, -sign * f.disk);
    add(this.freeSpindlesForth, n, -spindles);
    if (!exclusive) add(this.spindlesForth, n, sign * f.spindleUse);
    if (f.forthcoming) return;
    add(this.freeDisk, n, -sign * f.disk);
    add(this.freeSpindles, n, -spindles);
    if (!exclusive) add(this.spindles, n, sign * f.spindleUse);
  }

  #exclusions(f: Footprint, n: number, sign: 1 | -1): void {
    const { exclusions } = f;
    const { exclusionCount, locations } = this.tags;
    const domains =
      exclusions.length === 0 || f.forthcoming || !this.#countsDomains(n) ? undefined : locations[n];
    for (let i = 0; i < exclusions.length; i += 1) {
      const tag = exclusions[i] as number;
      this.nodeTags.add(n * exclusionCount + tag, sign);
      if (!domains) continue;
      for (let d = 0; d < domains.length; d += 1)
        this.domainTags.add((domains[d] as number) * exclusionCount + tag, sign);
    }
  }

  #countsDomains(n: number): boolean {
    const { nodes } = this.data;
    return nodes.offline[n] === 0 && (this.#group === undefined || nodes.group[n] === this.#group);
  }

  /**
   * Counts what is there from the beginning: disks, and the memory of running instances, are in the reported free figures
   * already. Where more is free than the running instances leave, that is not given out; where less, neither.
   */
  #count(): void {
    const { nodes } = this.data;
    for (let i = 0; i < this.footprints.length; i += 1) this.#load(i, this.footprints[i] as Footprint);
    for (let n = 0; n < nodes.count; n += 1) {
      const recorded = (nodes.totalMem[n] as number) - (nodes.nodeMem[n] as number);
      const left = recorded + (this.unallocated[n] as number);
      this.unallocated[n] = left - Math.max(0, left - (nodes.freeMem[n] as number));
      this.reserved[n] = this.peers.max(n);
    }
  }

  #load(i: number, f: Footprint): void {
    const [p, s] = [this.primary[i] as number, this.secondary[i] as number];
    this.#loadDisk(f, p);
    if (f.runningMemory === 0) add(this.freeMemForth, p, -f.memory);
    add(this.vcpusForth, p, f.vcpus);
    this.#exclusions(f, p, 1);
    if (s >= 0) this.#loadDisk(f, s);
    if (f.forthcoming) return;
    add(this.unallocated, p, -f.runningMemory);
    add(this.vcpus, p, f.vcpus);
    add(this.primaries, p, 1);
    if (s < 0) return;
    add(this.secondaries, s, 1);
    if (f.reserved > 0) this.peers.add(s, p, f.reserved);
  }

  #loadDisk(f: Footprint, n: number): void {
    const exclusive = this.data.nodes.exclusiveStorage[n] === 1;
    if (!exclusive) add(this.spindlesForth, n, f.spindleUse);
    if (f.forthcoming) {
      add(this.freeDiskForth, n, -f.disk);
      if (exclusive) add(this.freeSpindlesForth, n, -(f.diskSpindles ?? 0));
    } else if (!exclusive) add(this.spindles, n, f.spindleUse);
  }
}

const add = (column: Float64Array, n: number, by: number): void => {
  column[n] = (column[n] as number) + by;
};

/** A spread would ask the iterator for each of ten thousand numbers. */
function listOf(column: Int32Array): number[] {
  const list = new Array<number>(column.length);
  for (let i = 0; i < column.length; i += 1) list[i] = column[i] as number;
  return list;
}
