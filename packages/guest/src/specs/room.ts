/** Room that a guest’s QEMU is started with, so that it can grow while it runs: CPUs to plug in, a balloon to let go. */
import { type GuestInput, mostMemoryMiB, mostVcpus } from '@gantry/model';
import { type PluggedVcpus, pluggedVcpus } from '../elements/cpu.ts';
import { type Memory, memory } from '../elements/memory.ts';
import { realtimeCpus } from '../numa/cpu-policy.ts';
import { guestTopology } from '../numa/guest-cells.ts';
import { builtin } from '../origin.ts';
import { gantryProfile } from '../profiles.ts';
import { invalid } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { booleanOf, readSettings, type Settings } from './settings.ts';
import { bySize } from './sizes.ts';

export const memoryFrom = (wanted: Wanted): Memory =>
  memory({
    mostMiB: mostMemoryMiB(wanted),
    sizeMiB: wanted.memoryMiB,
    origin: bySize(wanted.maxMemoryMiB === undefined ? 'memoryMiB' : 'memoryMiB, maxMemoryMiB'),
  });

/** Only x86 machines plug single CPUs (QEMU 7.2): the others are started with the room, and libvirt judges. */
export function pluggedVcpusFrom(wanted: Wanted): PluggedVcpus | undefined {
  const { vcpus, maxVcpus, machine } = wanted;
  if (maxVcpus === undefined || machine.architecture !== 'x86_64') return undefined;
  const rule = 'all but the first can be plugged in and out while the guest runs';
  return pluggedVcpus({ most: mostVcpus(wanted), count: vcpus, origin: builtin('maxVcpus', rule) });
}

type Sizes = Pick<GuestInput, 'vcpus' | 'maxVcpus' | 'maxMemoryMiB'> & Partial<Pick<GuestInput, 'memoryMiB'>>;

/**
 * Room that could never be used is refused, as is less of it than the guest has.
 * @throws GantryError `invalid_property`
 */
export function checkRoom(settings: Settings, sizes: Sizes): void {
  const { maxVcpus, maxMemoryMiB } = sizes;
  const fixed = { cpus: whyFixedCpus(settings, sizes), memory: whyFixedMemory(settings, sizes) };
  if (maxVcpus !== undefined && fixed.cpus) throw invalid('maxVcpus', String(maxVcpus), fixed.cpus);
  if (maxMemoryMiB !== undefined && fixed.memory)
    throw invalid('maxMemoryMiB', String(maxMemoryMiB), fixed.memory);
}

/** Why its CPUs cannot change while it runs. */
function whyFixedCpus(settings: Settings, sizes: Sizes): string | undefined {
  const { vcpus, memoryMiB = 0 } = sizes;
  if (guestTopology(settings, { vcpus, memoryMiB })) return `${onCells}: its CPUs are chosen when it starts`;
  if (realtimeCpus(settings, vcpus)) return 'the CPUs of a realtime guest are chosen when it starts';
  return undefined;
}

const onCells =
  'the guest has NUMA cells, pages or pinned CPUs of its own (hw:numa_nodes, hw:mem_page_size, hw:cpu_policy)';

/** Why a balloon would not give its memory back to the node. */
function whyFixedMemory(settings: Settings, sizes: Sizes): string | undefined {
  const { vcpus, memoryMiB = 0 } = sizes;
  if (guestTopology(settings, { vcpus, memoryMiB })) return `${onCells}: its memory is placed when it starts`;
  const has = (key: string, twin: string) =>
    (booleanOf(settings, 'flavor', key) ?? booleanOf(settings, 'image', twin))?.value === true;
  if (has('hw:locked_memory', 'hw_locked_memory')) return 'its memory is locked (hw:locked_memory)';
  if (has('hw:mem_encryption', 'hw_mem_encryption')) return 'its memory is encrypted (hw:mem_encryption)';
  if (settings.flavor.has('pci_passthrough:alias'))
    return 'a device of the host writes to all of its memory (pci_passthrough:alias)';
  return undefined;
}

/** Why CPUs and memory of a guest with these settings cannot change while it runs; absent: they can. */
export function whyFixed(input: GuestInput): { vcpus?: string; memory?: string } {
  const settings = readSettings(input, gantryProfile);
  const [vcpus, memory] = [whyFixedCpus(settings, input), whyFixedMemory(settings, input)];
  return { ...(vcpus ? { vcpus } : {}), ...(memory ? { memory } : {}) };
}
