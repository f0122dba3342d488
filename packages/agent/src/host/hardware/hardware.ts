/** What the node can do for guests, put together from libvirt, the kernel and files. */
import { readFile } from 'node:fs/promises';
import { parseXml } from '@gantry/guest';
import type { Ability, NodeFirmware, NodeHardware, PciFunction } from '@gantry/model';
import { run } from '../../process/run.ts';
import { parseMeminfo } from '../meminfo.ts';
import { cellsOf, wholeMemory } from './cells.ts';
import { type DomainCapabilities, parseDomainCapabilities } from './domain-capabilities.ts';
import { readFirmware } from './firmware.ts';
import { cpuTime, lockedMemory, trafficLimits } from './kernel.ts';
import { readPciFunctions } from './pci.ts';

/** What libvirt says, in its own XML. */
export interface HypervisorXml {
  architecture: string;
  capabilities: string;
  /** Of machines with PCI Express and without. */
  domainCapabilities: readonly string[];
  machineAliases: Readonly<Record<string, string>>;
  /** Names of the features that guests can have. */
  cpuFeatures: readonly string[];
}

export async function nodeHardware(xml: HypervisorXml): Promise<NodeHardware> {
  const [{ totalMiB }, firmware, pciFunctions, time, locked, traffic] = await Promise.all([
    readFile('/proc/meminfo', 'utf8').then(parseMeminfo),
    readFirmware(),
    readPciFunctions(),
    cpuTime(),
    lockedMemory(),
    trafficLimits(run),
  ]);
  const kernel = { cpuTime: time, lockedMemory: locked, trafficLimits: traffic };
  return assemble(xml, totalMiB, { firmware, pciFunctions, kernel });
}

export interface Found {
  firmware: readonly NodeFirmware[];
  pciFunctions: PciFunction[];
  kernel: Pick<NodeHardware['abilities'], 'cpuTime' | 'lockedMemory' | 'trafficLimits'>;
}

/** Pure. @param totalMiB memory of the machine */
export function assemble(xml: HypervisorXml, totalMiB: number, found: Found): NodeHardware {
  const domains = xml.domainCapabilities.map(parseDomainCapabilities);
  const firmware = found.firmware.filter(({ architecture }) => architecture === xml.architecture);
  const tpm = domains.find((one) => one.tpm.versions.length > 0)?.tpm ?? { versions: [], models: [] };
  const sev = domains.find((one) => one.sev)?.sev;
  const hostModel = domains.find((one) => one.hostModel)?.hostModel;
  const merged = (of: (one: DomainCapabilities) => string[]) => [...new Set(domains.flatMap(of))];
  return {
    cells: wholeMemory(cellsOf(parseXml(xml.capabilities, { size: 64 * 2 ** 20 })), totalMiB),
    machineAliases: { ...xml.machineAliases },
    cpuModels: merged((one) => one.cpuModels),
    cpuFeatures: [...xml.cpuFeatures].sort(),
    ...(hostModel ? { hostModel } : {}),
    firmware,
    tpm,
    ...(sev ? { memoryEncryption: sev } : {}),
    diskBuses: merged((one) => one.diskBuses),
    videoModels: merged((one) => one.videoModels),
    pciFunctions: found.pciFunctions,
    abilities: {
      ...found.kernel,
      ...firmwareAbilities(firmware, domains),
      tpm: ability(tpm.versions.length > 0, 'swtpm', 'libvirt finds no swtpm; install swtpm and swtpm-tools'),
      memoryEncryption: ability(sev !== undefined, 'AMD SEV', 'libvirt finds no AMD SEV'),
      pciPassthrough: ability(
        found.pciFunctions.some(({ iommuGroup }) => iommuGroup !== undefined),
        'the IOMMU is on',
        'no PCI device is in an IOMMU group; the machine has no IOMMU, or it is off',
      ),
    },
  };
}

function firmwareAbilities(firmware: readonly NodeFirmware[], domains: readonly DomainCapabilities[]) {
  const secure = firmware.some(({ features }) => features.includes('secure-boot'));
  const loader = domains.some(({ secureLoader }) => secureLoader);
  const noSecure = secure
    ? 'libvirt cannot require it of this QEMU'
    : 'no firmware has Secure Boot; install OVMF';
  return {
    uefi: ability(
      firmware.length > 0,
      `${firmware.length} firmware files`,
      'no firmware is described in /usr/share/qemu/firmware; install OVMF',
    ),
    secureBoot: ability(secure && loader, 'a firmware with Secure Boot', noSecure),
  };
}

const ability = (usable: boolean, how: string, why: string): Ability => ({
  usable,
  reason: usable ? how : why,
});
