/** What libvirt tells of the node and of what guests may have there, asked for at once. */
import type { LibvirtClient } from '@gantry/libvirt';
import { parseDomainCapabilities } from '../host/hardware/domain-capabilities.ts';
import type { HypervisorXml } from '../host/hardware/hardware.ts';
import type { Capabilities } from './capabilities.ts';
import { type Asked, askedMachines, expandedFeatures } from './cpu-baseline.ts';

export async function askHypervisor(
  lv: LibvirtClient,
  known: Capabilities,
  accelerator: 'kvm' | 'tcg',
): Promise<HypervisorXml> {
  const { architecture, emulator, machineAliases } = known;
  const virttype = accelerator === 'kvm' ? 'kvm' : 'qemu';
  const about = { emulatorbin: emulator, arch: architecture, virttype, flags: 0 };
  const [capabilities, ...domainCapabilities] = await Promise.all([
    lv.connectGetCapabilities(),
    ...askedMachines(known).map((machine) => lv.connectGetDomainCapabilities({ ...about, machine })),
  ]);
  const asked = { capabilities: known, accelerator };
  return {
    architecture,
    capabilities,
    domainCapabilities,
    machineAliases,
    cpuFeatures: await features(lv, asked, domainCapabilities[0]),
  };
}

/** Features of the nearest named CPU model with its differences, written out. Where libvirt cannot: none. */
async function features(
  lv: LibvirtClient,
  asked: Asked,
  domainCapabilities: string | undefined,
): Promise<string[]> {
  const { hostModel } = domainCapabilities ? parseDomainCapabilities(domainCapabilities) : {};
  return hostModel ? expandedFeatures(lv, asked, hostModel).catch(() => []) : [];
}
