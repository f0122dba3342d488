/** quota:cpu_*, pins of vCPUs and of QEMU’s own threads, realtime. */

import { mostVcpus } from '@gantry/model';
import { type Vcpu, vcpu } from '../elements/cpu.ts';
import {
  type CpuLimit,
  type CpuTune,
  cpuLimit,
  cpuTune,
  type EmulatorPin,
  emulatorPin,
  type VcpuPin,
  type VcpuRealtime,
  vcpuPin,
  vcpuRealtime,
} from '../elements/cpu-tune.ts';
import { type NumaTune, numaTune } from '../elements/numa-tune.ts';
import { requireAbility } from '../host-facts.ts';
import { ascending, type CpuList } from '../numa/cpu-list.ts';
import { origin } from '../origin.ts';
import type { NumaPlan, Wanted } from '../wanted.ts';
import { because, integerOf } from './settings.ts';
import { bySize } from './sizes.ts';

const pinned = origin('flavor', 'hw:cpu_policy', 'each vCPU has a host CPU of its own');
const floating = origin('flavor', 'hw:numa_nodes', 'vCPUs stay on the host cell of their own cell');
const ofEmulator = origin(
  'flavor',
  'hw:emulator_threads_policy',
  'QEMU’s own threads: with the vCPUs, on a CPU of their own, or on the node’s shared ones',
);

export function cpuTuneFrom(wanted: Wanted): CpuTune | undefined {
  const limits = limitsFrom(wanted);
  const vcpuPins = wanted.numa ? pinsFrom(wanted.numa) : [];
  const realtime = realtimeFrom(wanted);
  if (limits.length === 0 && !wanted.numa) return undefined;
  return cpuTune({
    limits,
    vcpuPins,
    ...(wanted.numa ? { emulatorPin: emulatorFrom(wanted, wanted.numa, vcpuPins) } : {}),
    ...(realtime ? { realtime } : {}),
    origin: origin('flavor', 'cputune', 'CPU time and host CPUs'),
  });
}

/** @throws GantryError `guest_refused` where the node’s kernel cannot limit CPU time */
function limitsFrom({ settings, host }: Wanted): CpuLimit[] {
  const limits = (['shares', 'period', 'quota'] as const).flatMap((name) => {
    const found = integerOf(settings, 'flavor', `quota:cpu_${name}`);
    return found
      ? [cpuLimit({ name, value: found.value, origin: because(found, 'the flavor limits CPU time').origin })]
      : [];
  });
  if (limits.length > 0)
    requireAbility(
      host,
      'cpuTime',
      'quota:cpu_* needs CPU time to be limited',
      'UnsupportedHostCPUControlPolicy',
    );
  return limits;
}

const pinsFrom = ({ cells }: NumaPlan): VcpuPin[] =>
  cells
    .flatMap(({ vcpus, pins, sharedCpus }) =>
      vcpus.map((id) => {
        const own = pins.find(({ vcpu: pinnedVcpu }) => pinnedVcpu === id)?.cpu;
        return own === undefined
          ? vcpuPin({ vcpu: id, hostCpus: sharedCpus, origin: floating })
          : vcpuPin({ vcpu: id, hostCpus: [own], origin: pinned });
      }),
    )
    .sort((a, b) => a.vcpu - b.vcpu);

function emulatorFrom(wanted: Wanted, numa: NumaPlan, pins: readonly VcpuPin[]): EmulatorPin {
  return emulatorPin({ hostCpus: emulatorCpus(wanted, numa, pins), origin: ofEmulator });
}

function emulatorCpus({ node }: Wanted, { topology, cells }: NumaPlan, pins: readonly VcpuPin[]): CpuList {
  const { emulator, realtime } = topology.cpus;
  if (emulator === 'isolate') return ascending(cells.flatMap((cell) => cell.emulatorCpus ?? []));
  if (emulator === 'share' && node.sharedCpus) return node.sharedCpus;
  return ascending(pins.filter(({ vcpu: id }) => !realtime.includes(id)).flatMap((pin) => pin.hostCpus));
}

function realtimeFrom({ numa, node }: Wanted): VcpuRealtime | undefined {
  if (!numa || numa.topology.cpus.realtime.length === 0) return undefined;
  return vcpuRealtime({
    vcpus: numa.topology.cpus.realtime,
    priority: node.realtimePriority,
    origin: origin('flavor', 'hw:cpu_realtime', 'these vCPUs run before everything ordinary on their CPUs'),
  });
}

/** Guests without cells run on the node’s shared CPUs, where it tells them apart. */
export const vcpuFrom = ({ vcpus, maxVcpus, numa, node }: Wanted): Vcpu =>
  vcpu({
    most: mostVcpus({ vcpus, maxVcpus }),
    count: vcpus,
    ...(!numa && node.sharedCpus ? { hostCpus: node.sharedCpus } : {}),
    origin: bySize(maxVcpus === undefined ? 'vcpus' : 'vcpus, maxVcpus'),
  });

export const numaTuneFrom = ({ numa }: Wanted): NumaTune | undefined =>
  numa &&
  numaTune({
    hostCells: numa.cells.map((cell) => cell.hostCell),
    origin: origin(
      'flavor',
      'hw:numa_nodes',
      'the memory of each cell lies on the host cell that placement chose',
    ),
  });
