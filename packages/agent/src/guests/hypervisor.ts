/** What libvirt tells of the node and of what guests may have there, asked for at once. */
import { elements, parseXml, writeXml } from '@gantry/guest';
import { type LibvirtClient, virConnectBaselineCPUFlags } from '@gantry/libvirt';
import { parseDomainCapabilities } from '../host/hardware/domain-capabilities.ts';
import type { HypervisorXml } from '../host/hardware/hardware.ts';
import type { Capabilities } from './capabilities.ts';

/** Machines with PCI Express, and without. One that QEMU has not is passed over. */
const machines: Readonly<Record<string, readonly string[]>> = { x86_64: ['q35', 'pc'], aarch64: ['virt'] };

export async function askHypervisor(
  lv: LibvirtClient,
  { architecture, emulator, machineTypes, machineAliases }: Capabilities,
  accelerator: 'kvm' | 'tcg',
): Promise<HypervisorXml> {
  const virttype = accelerator === 'kvm' ? 'kvm' : 'qemu';
  const about = { emulatorbin: emulator, arch: architecture, virttype, flags: 0 };
  const asked = (machines[architecture] ?? []).filter((machine) => machineTypes.includes(machine));
  const [capabilities, ...domainCapabilities] = await Promise.all([
    lv.connectGetCapabilities(),
    ...asked.map((machine) => lv.connectGetDomainCapabilities({ ...about, machine })),
  ]);
  return {
    architecture,
    capabilities,
    domainCapabilities,
    machineAliases,
    cpuFeatures: await features(lv, domainCapabilities[0], {
      emulator,
      arch: architecture,
      machine: asked[0] ?? null,
      virttype,
    }),
  };
}

/** Features of the nearest named CPU model with its differences, written out. Where libvirt cannot: none. */
async function features(
  lv: LibvirtClient,
  domainCapabilities: string | undefined,
  about: { emulator: string; arch: string; machine: string | null; virttype: string },
): Promise<string[]> {
  const { hostModel } = domainCapabilities ? parseDomainCapabilities(domainCapabilities) : {};
  if (!hostModel) return [];
  try {
    const flags = virConnectBaselineCPUFlags.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES;
    const xml = await lv.connectBaselineHypervisorCpu({ ...about, xmlCPUs: [writeXml(hostModel)], flags });
    const cpu = parseXml(xml);
    return elements(cpu, 'feature')
      .filter(({ attributes }) => attributes['policy'] !== 'disable')
      .flatMap(({ attributes }) => attributes['name'] ?? []);
  } catch {
    return [];
  }
}
