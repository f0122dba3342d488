/** A node as its agent describes it, in the compiler’s words: the same for placement and for the agent itself. */
import type { AbilityName, NodeFacts, NodeHardware } from '@gantry/model';
import type { HostFacts } from '../host-facts.ts';

/** What the compiler reads of them. */
export type CompiledFacts = Pick<
  NodeFacts,
  'architecture' | 'accelerator' | 'machineTypes' | 'libvirtVersion' | 'kernel' | 'hardware'
>;

export function hostFactsOf(facts: CompiledFacts): HostFacts {
  const { hardware } = facts;
  return {
    architecture: facts.architecture,
    accelerator: facts.accelerator.kvm ? 'kvm' : 'tcg',
    machineAliases: hardware?.machineAliases ?? {},
    directIo: true,
    kernelRelease: facts.kernel,
    overcommit,
    ...abilitiesOf(hardware),
    ...(facts.machineTypes?.length ? { machineTypes: facts.machineTypes } : {}),
    ...(facts.libvirtVersion ? { libvirtVersion: facts.libvirtVersion.split('.').map(Number) } : {}),
    ...(hardware ? { cpuModels: hardware.cpuModels, firmware: hardware.firmware, tpm: hardware.tpm } : {}),
    ...(hardware?.memoryEncryption ? { sev: hardware.memoryEncryption } : {}),
  };
}

/** Nova’s ratios of a cell: CPUs that are shared may be promised four times, memory once. */
export const overcommit = { cpu: 4, memory: 1 } as const;

const untold = 'its agent does not tell; update it';

function abilitiesOf(hardware: NodeHardware | undefined): Pick<HostFacts, 'lacks' | 'uefi' | 'secureBoot'> {
  const lacks: { [K in AbilityName]?: string } = {};
  if (!hardware)
    for (const name of ['lockedMemory', 'uefi', 'secureBoot', 'tpm', 'memoryEncryption'] as const)
      lacks[name] = untold;
  for (const name in hardware?.abilities) {
    const ability = hardware.abilities[name as AbilityName];
    if (!ability.usable) lacks[name as AbilityName] = ability.reason;
  }
  return { lacks, uefi: lacks.uefi === undefined, secureBoot: lacks.secureBoot === undefined };
}
