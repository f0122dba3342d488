/**
 * vCPUs onto host CPUs of one cell by thread policy, as Nova decides it (nova/virt/hardware.py,
 * _pack_instance_onto_cores, 26.2.2): whether a guest fits must come out the same.
 */
import type { CpuList } from './cpu-list.ts';
import type { ThreadPolicy } from './cpu-policy.ts';
import { freeCpus, type HostCell } from './host-cell.ts';

export interface Pinning {
  /** vCPU to host CPU. */
  readonly pins: ReadonlyMap<number, number>;
  /** Host CPUs for QEMU's own threads. */
  readonly reserved: CpuList;
}

interface Asked {
  readonly vcpus: CpuList;
  readonly threads: ThreadPolicy | undefined;
  /** CPUs that QEMU's own threads need beside. */
  readonly reserve: number;
}

/** Undefined where it does not fit. */
export function packOntoCores(cell: HostCell, asked: Asked): Pinning | undefined {
  const threadsPerCore = Math.max(1, ...cell.cores.map((core) => core.length));
  const free = new Set(freeCpus(cell));
  const cores = cell.cores.map((core) => core.filter((cpu) => free.has(cpu)));
  if (asked.threads === 'isolate') return isolated(cell, cores, threadsPerCore, asked);
  if (asked.threads === 'require' && threadsPerCore <= 1) return undefined;
  const fewest = asked.threads === 'require' ? 2 : 1;
  for (let threads = threadsPerCore; threads >= fewest; threads--) {
    const found = together(
      cores.filter((core) => core.length >= threads),
      cores,
      threads,
      asked,
    );
    if (found) return found;
  }
  if (asked.threads === 'require') return undefined;
  const single = cores.flat().map((cpu) => [cpu]);
  return together(single, single, 1, asked);
}

/**
 * A core for each vCPU, its other threads idle. Where shared and dedicated CPUs are told apart, a core with
 * threads cannot be kept idle for one guest, so such nodes take only guests that forbid hyperthreading as a trait.
 */
function isolated(
  cell: HostCell,
  cores: readonly CpuList[],
  threadsPerCore: number,
  asked: Asked,
): Pinning | undefined {
  const whole = cores.filter((core) => core.length >= threadsPerCore);
  const apart = cell.sharedCpus.join() !== cell.dedicatedCpus.join();
  if (whole.length === 0 || (threadsPerCore > 1 && apart)) return undefined;
  const pins = assign(whole, 1, asked.vcpus);
  if (!pins) return undefined;
  const used = new Set(pins.values());
  const untouched = cores.filter((core) => core.length > 0 && !core.some((cpu) => used.has(cpu)));
  return withReserve(pins, untouched.flat(), asked.reserve);
}

/** `threads` of each core. */
function together(
  usable: readonly CpuList[],
  all: readonly CpuList[],
  threads: number,
  asked: Asked,
): Pinning | undefined {
  const pins = assign(usable, threads, asked.vcpus);
  if (!pins) return undefined;
  const used = new Set(pins.values());
  return withReserve(
    pins,
    all.flat().filter((cpu) => !used.has(cpu)),
    asked.reserve,
  );
}

function assign(cores: readonly CpuList[], threads: number, vcpus: CpuList): Map<number, number> | undefined {
  const cpus = cores.flatMap((core) => core.slice(0, threads));
  if (threads * cores.length < vcpus.length || cpus.length === 0) return undefined;
  return new Map(vcpus.map((vcpu, index) => [vcpu, cpus[index] ?? -1]));
}

const withReserve = (
  pins: ReadonlyMap<number, number>,
  left: CpuList,
  reserve: number,
): Pinning | undefined => (left.length < reserve ? undefined : { pins, reserved: left.slice(0, reserve) });
