/** A node’s traits: Nova’s names (os-traits) for what its agent found, and those that an operator gave it. */
import type { HostPolicy, NodeFacts, NodeHardware } from '@gantry/model';
import { nicModels } from '../elements/interface.ts';
import { featureOfTrait } from '../specs/cpu-model.ts';

/** Virtualisation inside guests, under the names that os-traits has now. */
const more: Readonly<Record<string, string>> = { HW_CPU_X86_INTEL_VMX: 'vmx', HW_CPU_X86_AMD_SVM: 'svm' };
const formats = ['raw', 'qcow2'];

export function traitsOf(facts: NodeFacts, { traits = [] }: HostPolicy): ReadonlySet<string> {
  const { hardware } = facts;
  const has = new Set(hardware?.cpuFeatures);
  return new Set([
    'COMPUTE_NODE',
    `HW_ARCH_${word(facts.architecture)}`,
    ...formats.map((format) => `COMPUTE_IMAGE_TYPE_${word(format)}`),
    ...nicModels
      .filter((model) => hasNic(facts, model))
      .map((model) => `COMPUTE_NET_VIF_MODEL_${word(model)}`),
    ...Object.entries({ ...featureOfTrait, ...more }).flatMap(([trait, feature]) =>
      has.has(feature) ? [trait] : [],
    ),
    ...(hardware ? ofHardware(hardware) : []),
    ...traits,
  ]);
}

function ofHardware({ cells, diskBuses, videoModels, tpm, abilities }: NodeHardware): string[] {
  const threads = cells.some(({ cores }) => cores.some((core) => core.length > 1));
  return [
    ...diskBuses.map((bus) => `COMPUTE_STORAGE_BUS_${word(bus)}`),
    ...videoModels.map((model) => `COMPUTE_GRAPHICS_MODEL_${word(model)}`),
    ...(threads ? ['HW_CPU_HYPERTHREADING'] : []),
    ...(abilities.tpm.usable ? tpm.versions.map((version) => `COMPUTE_SECURITY_TPM_${word(version)}`) : []),
    ...(abilities.secureBoot.usable ? ['COMPUTE_SECURITY_UEFI_SECURE_BOOT'] : []),
    ...(abilities.memoryEncryption.usable ? ['HW_CPU_X86_AMD_SEV'] : []),
  ];
}

/** igb came with QEMU 8.0; two models belong to machines that are not served. */
const hasNic = ({ qemuVersion = '' }: NodeFacts, model: string): boolean =>
  model === 'igb' ? Number.parseInt(qemuVersion, 10) >= 8 : model !== 'spapr-vlan' && model !== 'lan9118';

const word = (text: string): string => text.replaceAll(/[^A-Za-z0-9]/g, '_').toUpperCase();
