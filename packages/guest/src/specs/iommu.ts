/** hw:viommu_model: the flavor’s word wins. */
import { type Iommu, iommu } from '../elements/iommu.ts';
import { type HostFacts, isAtLeast } from '../host-facts.ts';
import { refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { isX86 } from './machine.ts';
import { because, type Settings, wordOf } from './settings.ts';

type Asked = Iommu['model'] | 'auto';

const asked = (settings: Settings) =>
  wordOf<Asked>(settings, 'flavor', 'hw:viommu_model') ?? wordOf<Asked>(settings, 'image', 'hw_viommu_model');

/** @throws GantryError `guest_refused` */
export function iommuFrom({ settings, machine, host }: Wanted): Iommu | undefined {
  const found = asked(settings);
  if (!found) return undefined;
  checkMachine(machine.architecture, machine.type.value);
  const model = found.value === 'auto' ? automatic(machine.architecture, host) : found.value;
  if (!settings.profile.iommuModels.includes(model) || (model === 'smmuv3') === isX86(machine.architecture))
    throw refused(
      `hw:viommu_model=${model} does not work on ${machine.architecture} here; set it to ${isX86(machine.architecture) ? 'intel' : 'smmuv3'}`,
    );
  const origin = because(found, `the ${found.level} asks for it`).origin;
  return iommu({ model, ...(model === 'intel' ? { intel: intelOf(settings, host) } : {}), origin });
}

function checkMachine(architecture: string, machine: string): void {
  const family = isX86(architecture) ? 'q35' : architecture === 'aarch64' ? 'virt' : undefined;
  if (family === undefined)
    throw refused(`machines of ${architecture} have no virtual IOMMU`, 'InvalidVIOMMUArchitecture');
  if (!machine.includes(family))
    throw refused(
      `hw:viommu_model needs a ${family} machine, and this one is ${machine}`,
      'InvalidVIOMMUMachineType',
    );
}

/** The virtio model came with libvirt 8.3. */
const automatic = (architecture: string, host: HostFacts): Iommu['model'] =>
  isAtLeast(host, [8, 3, 0]) ? 'virtio' : isX86(architecture) ? 'intel' : 'smmuv3';

/** 48 bits let a guest have more memory than 39 would address; libvirt knows the attribute since 6.5. */
const intelOf = ({ profile }: Settings, host: HostFacts) => ({
  ...(isAtLeast(host, [6, 5, 0]) ? { addressBits: 48 } : {}),
  eim: profile.iommuEim.includes(host.accelerator),
});
