/** The best CPU that several hosts can all give to guests, as this node’s libvirt computes it. */
import { parseXml } from '@gantry/guest';
import { virConnectBaselineCPUFlags as Flags, type LibvirtClient } from '@gantry/libvirt';
import { type CpuDefinition, err, type NodeAnswer } from '@gantry/model';
import { featuresOf, readCpu, writeCpu } from '../host/hardware/cpu-definition.ts';
import type { Capabilities } from './capabilities.ts';

/** Machines with PCI Express, and without. One that QEMU has not is passed over. */
const machines: Readonly<Record<string, readonly string[]>> = { x86_64: ['q35', 'pc'], aarch64: ['virt'] };

/** Machine types to ask libvirt about, the usual one first. */
export const askedMachines = ({
  architecture,
  machineTypes,
}: Pick<Capabilities, 'architecture' | 'machineTypes'>): string[] =>
  (machines[architecture] ?? []).filter((machine) => machineTypes.includes(machine));

/** With what guests are run. */
export interface Asked {
  capabilities: Pick<Capabilities, 'architecture' | 'emulator' | 'machineTypes'>;
  accelerator: 'kvm' | 'tcg';
}

/** @throws LibvirtError for CPUs that have nothing in common, or that libvirt does not know */
export async function cpuBaseline(
  lv: LibvirtClient,
  asked: Asked,
  cpus: readonly CpuDefinition[],
): Promise<NodeAnswer<'cpu.baseline'>> {
  const migratable = Flags.VIR_CONNECT_BASELINE_CPU_MIGRATABLE;
  const cpu = await baseline(lv, asked, cpus, migratable);
  return { cpu, features: await expandedFeatures(lv, asked, cpu) };
}

/** All features of a CPU, those of its model written out. */
export async function expandedFeatures(
  lv: LibvirtClient,
  asked: Asked,
  cpu: CpuDefinition,
): Promise<string[]> {
  const expand = Flags.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES;
  return featuresOf(await baseline(lv, asked, [cpu], expand)).toSorted();
}

async function baseline(
  lv: LibvirtClient,
  { capabilities, accelerator }: Asked,
  cpus: readonly CpuDefinition[],
  flags: number,
): Promise<CpuDefinition> {
  const { architecture, emulator } = capabilities;
  const xml = await lv.connectBaselineHypervisorCpu({
    emulator,
    arch: architecture,
    machine: askedMachines(capabilities)[0] ?? null,
    virttype: accelerator === 'kvm' ? 'kvm' : 'qemu',
    xmlCPUs: cpus.map(writeCpu),
    flags,
  });
  const cpu = readCpu(parseXml(xml));
  if (!cpu) throw err('internal', { why: 'libvirt’s baseline is no CPU with a model' });
  return cpu;
}
