/**
 * What a node must offer in placement’s words: resource classes and traits. Nova’s translation
 * (nova/scheduler/utils.py and request_filter.py, 26.2.2), with both image prefilters on.
 */
import { dedicatedMask, pciAffinity, policyFrom, realtimeCpus, threadPolicyFrom } from './numa/cpu-policy.ts';
import { encryptionAsked } from './specs/encryption.ts';
import { secureBootFrom } from './specs/firmware.ts';
import type { Values } from './specs/read.ts';
import { type Settings, wordOf } from './specs/settings.ts';
import { tpmSetting } from './specs/tpm.ts';

export interface PlacementRequest {
  /** Amount by resource class. */
  readonly resources: Readonly<Record<string, number>>;
  /** Ascending. */
  readonly requiredTraits: readonly string[];
  readonly forbiddenTraits: readonly string[];
}

export interface RequestSizes {
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** Root (0 where it is a volume), ephemeral and swap. */
  readonly diskGiB: number;
  /** Of the image; absent where the root is a volume. */
  readonly imageFormat?: string;
}

/** @throws GantryError where flavor and image contradict each other */
export function placementRequest(settings: Settings, sizes: RequestSizes): PlacementRequest {
  const resources = resourcesOf(settings, sizes);
  const traits = new Traits();
  ofKeys(settings, traits);
  ofThreads(settings, traits);
  ofDevices(settings, traits);
  ofImage(settings.image, traits);
  if (sizes.imageFormat !== undefined && imageFormats.has(sizes.imageFormat))
    traits.required.add(`COMPUTE_IMAGE_TYPE_${sizes.imageFormat.toUpperCase()}`);
  return {
    resources: Object.fromEntries([...resources].filter(([, amount]) => amount > 0)),
    requiredTraits: [...traits.required].sort(),
    forbiddenTraits: [...traits.forbidden].sort(),
  };
}

class Traits {
  readonly required = new Set<string>();
  readonly forbidden = new Set<string>();
}

function resourcesOf(settings: Settings, sizes: RequestSizes): Map<string, number> {
  const resources = new Map<string, number>();
  const add = (name: string, amount: number) => resources.set(name, (resources.get(name) ?? 0) + amount);
  for (const [key, { value }] of settings.flavor) {
    const name = /^resources[\w-]*:(.+)$/.exec(key)?.[1];
    if (name !== undefined) add(name, Number(value));
  }
  addPinned(settings, sizes.vcpus, add);
  const said = new Set(resources.keys());
  if (!said.has('VCPU') && !said.has('PCPU')) add('VCPU', sizes.vcpus);
  if (!said.has('MEMORY_MB')) add('MEMORY_MB', sizes.memoryMiB);
  if (!said.has('DISK_GB')) add('DISK_GB', sizes.diskGiB);
  if (encryptionAsked(settings, wordOf<string>(settings, 'image', 'hw_machine_type')?.value))
    add('MEM_ENCRYPTION_CONTEXT', 1);
  for (const label of String(settings.flavor.get('hw:pmem')?.value ?? '').split(','))
    if (label.trim() !== '') add(`CUSTOM_PMEM_NAMESPACE_${label.trim().toUpperCase()}`, 1);
  return resources;
}

function addPinned(settings: Settings, vcpus: number, add: (name: string, amount: number) => void): void {
  const policy = policyFrom(settings);
  if (policy !== 'dedicated' && policy !== 'mixed') return;
  const own = settings.flavor.get('hw:emulator_threads_policy')?.value === 'isolate' ? 1 : 0;
  const pinned =
    policy === 'dedicated'
      ? vcpus
      : (dedicatedMask(settings, vcpus) ?? realtimeCpus(settings, vcpus) ?? []).length;
  if (policy === 'mixed') add('VCPU', vcpus - pinned);
  add('PCPU', pinned + own);
}

/** Traits that flavor and image name themselves. */
function ofKeys({ flavor, image }: Settings, traits: Traits): void {
  for (const [key, { value }] of flavor) {
    const name = /^trait[\w-]*:(.+)$/.exec(key)?.[1];
    if (name !== undefined) (value === 'required' ? traits.required : traits.forbidden).add(name);
  }
  for (const [key, { value }] of image)
    if (key.startsWith('trait:') && value === 'required') traits.required.add(key.slice('trait:'.length));
}

function ofThreads(settings: Settings, traits: Traits): void {
  const policy = threadPolicyFrom(settings);
  if (policy === 'isolate') traits.forbidden.add('HW_CPU_HYPERTHREADING');
  if (policy === 'require') traits.required.add('HW_CPU_HYPERTHREADING');
}

function ofDevices(settings: Settings, { required }: Traits): void {
  const tpm = tpmSetting(settings);
  if (tpm) required.add(`COMPUTE_SECURITY_TPM_${tpm.version.value.replace('.', '_')}`);
  if (secureBootFrom(settings)?.value === 'required') required.add('COMPUTE_SECURITY_UEFI_SECURE_BOOT');
  if (pciAffinity(settings) === 'socket') required.add('COMPUTE_SOCKET_PCI_NUMA_AFFINITY');
  if (settings.flavor.has('accel:device_profile')) required.add('COMPUTE_ACCELERATORS');
}

const prefixes: Readonly<Record<string, string>> = {
  hw_cdrom_bus: 'COMPUTE_STORAGE_BUS',
  hw_disk_bus: 'COMPUTE_STORAGE_BUS',
  hw_video_model: 'COMPUTE_GRAPHICS_MODEL',
  hw_vif_model: 'COMPUTE_NET_VIF_MODEL',
  hw_architecture: 'HW_ARCH',
  hw_emulation_architecture: 'COMPUTE_ARCH',
};

function ofImage(image: Values, { required }: Traits): void {
  for (const key in prefixes) {
    const value = image.get(key)?.value;
    if (typeof value === 'string')
      required.add(`${prefixes[key]}_${value.replaceAll('-', '_').toUpperCase()}`);
  }
}

/** Those for which os-traits has a trait. */
const imageFormats = new Set([
  'aki',
  'ami',
  'ari',
  'iso',
  'ploop',
  'qcow2',
  'raw',
  'vdi',
  'vhd',
  'vhdx',
  'vmdk',
]);
