/**
 * Which vCPUs get a host CPU of their own, which are realtime, where QEMU's own threads run. The order of the checks is
 * Nova's (nova/virt/hardware.py, numa_get_constraints, 26.2.2), so that of several mistakes the same one is named.
 */
import { conflict, invalid } from '../refusal.ts';
import type { Values } from '../specs/read.ts';
import { type Settings, wordOf } from '../specs/settings.ts';
import { type CpuList, cpusUpTo, parseMask } from './cpu-list.ts';

export type CpuPolicy = 'shared' | 'dedicated' | 'mixed';
export type ThreadPolicy = 'prefer' | 'isolate' | 'require';
export type EmulatorPolicy = 'share' | 'isolate';

export interface CpuPlacement {
  readonly policy?: CpuPolicy;
  readonly threads?: ThreadPolicy;
  readonly emulator?: EmulatorPolicy;
  /** vCPUs pinned one to one. */
  readonly dedicated: CpuList;
  /** vCPUs with realtime scheduling. */
  readonly realtime: CpuList;
}

/** @throws GantryError `invalid_property`, `property_conflict` */
export function cpuPlacement(settings: Settings, vcpus: number): CpuPlacement {
  const asked = policyFrom(settings);
  const threads = threadPolicyFrom(settings);
  const realtime = realtimeCpus(settings, vcpus) ?? [];
  const mask = dedicatedMask(settings, vcpus) ?? [];
  const emulator = wordOf<EmulatorPolicy>(settings, 'flavor', 'hw:emulator_threads_policy')?.value;
  const policy = policyByResources(settings, asked, emulator, vcpus);
  const threadPolicy = threadsByTrait(settings, threads);
  checkTogether({ policy, threads: threadPolicy, emulator, mask, realtime });
  return {
    dedicated: dedicatedCpus(policy, mask.length > 0 ? mask : realtime, vcpus),
    realtime,
    ...(policy ? { policy } : {}),
    ...(threadPolicy ? { threads: threadPolicy } : {}),
    ...(emulator ? { emulator } : {}),
  };
}

/** Flavor `dedicated` wins; `shared` and `mixed` forbid the image to ask for more. */
export function policyFrom(settings: Settings): CpuPolicy | undefined {
  const flavor = wordOf<CpuPolicy>(settings, 'flavor', 'hw:cpu_policy')?.value;
  const image = wordOf<CpuPolicy>(settings, 'image', 'hw_cpu_policy')?.value;
  const more = image === 'dedicated' || (image === 'mixed' && flavor === 'shared');
  if (flavor && flavor !== 'dedicated' && image && more)
    throw conflict('hw:cpu_policy', flavor, image, 'ImageCPUPinningForbidden');
  return flavor ?? image;
}

/** The image decides where the flavor says nothing or `prefer`. */
export function threadPolicyFrom(settings: Settings): ThreadPolicy | undefined {
  const flavor = wordOf<ThreadPolicy>(settings, 'flavor', 'hw:cpu_thread_policy')?.value;
  const image = wordOf<ThreadPolicy>(settings, 'image', 'hw_cpu_thread_policy')?.value;
  if (flavor === undefined || flavor === 'prefer') return flavor ?? image;
  if (image && image !== flavor)
    throw conflict('hw:cpu_thread_policy', flavor, image, 'ImageCPUThreadPolicyForbidden');
  return flavor;
}

/** How near PCI devices must be; both must say the same. */
export function pciAffinity(settings: Settings): string | undefined {
  const flavor = wordOf<string>(settings, 'flavor', 'hw:pci_numa_affinity_policy')?.value;
  const image = wordOf<string>(settings, 'image', 'hw_pci_numa_affinity_policy')?.value;
  if (flavor && image && flavor !== image)
    throw conflict('hw:pci_numa_affinity_policy', flavor, image, 'ImagePCINUMAPolicyForbidden');
  return flavor ?? image;
}

/** With hw:cpu_realtime: the image's mask, else the flavor's, else all, which needs a place for QEMU's own threads. */
export function realtimeCpus(settings: Settings, vcpus: number): CpuList | undefined {
  if (settings.flavor.get('hw:cpu_realtime')?.value !== true) return undefined;
  const mask =
    wordOf<string>(settings, 'image', 'hw_cpu_realtime_mask') ??
    wordOf<string>(settings, 'flavor', 'hw:cpu_realtime_mask');
  const cpus = mask ? parseMask(mask.value, vcpus) : cpusUpTo(vcpus);
  const wrong = (why: string) =>
    invalid('hw:cpu_realtime_mask', mask?.value ?? '', why, 'RealtimeMaskNotFoundOrInvalid');
  if (cpus.length === 0) throw wrong('no vCPU is left');
  if (cpus.some((cpu) => cpu >= vcpus)) throw wrong(`the flavor has ${vcpus} vCPUs, counted from 0`);
  if (cpus.length === vcpus && !settings.flavor.has('hw:emulator_threads_policy'))
    throw wrong(
      'one vCPU at least must stay ordinary, such as ^0, or hw:emulator_threads_policy give QEMU its own place',
    );
  return cpus;
}

export function dedicatedMask(settings: Settings, vcpus: number): CpuList | undefined {
  const mask = wordOf<string>(settings, 'flavor', 'hw:cpu_dedicated_mask');
  if (!mask) return undefined;
  const cpus = parseMask(mask.value, vcpus);
  const inside = cpus.filter((cpu) => cpu < vcpus);
  if (cpus.length === 0 || inside.length === vcpus || inside.length < cpus.length)
    throw invalid(
      mask.source,
      mask.value,
      `some, but not all of the ${vcpus} vCPUs must be in it`,
      'InvalidMixedInstanceDedicatedMask',
    );
  return cpus;
}

/** resources:PCPU and resources:VCPU say the same as a policy, in placement's words. */
function policyByResources(
  settings: Settings,
  policy: CpuPolicy | undefined,
  emulator: EmulatorPolicy | undefined,
  vcpus: number,
): CpuPolicy | undefined {
  const shared = resourceSum(settings.flavor, 'VCPU');
  const pinned = resourceSum(settings.flavor, 'PCPU');
  const wrong = (why: string) => invalid('resources:PCPU', String(pinned || shared), why, 'InvalidRequest');
  if (policy && (shared || pinned)) throw wrong('use it or hw:cpu_policy, not both');
  if (shared && pinned) throw wrong('use it or resources:VCPU, not both');
  const needed = vcpus + (emulator === 'isolate' ? 1 : 0);
  if (pinned && pinned !== needed) throw wrong(`this flavor needs exactly ${needed}`);
  return pinned ? 'dedicated' : shared ? 'shared' : policy;
}

function resourceSum(flavor: Values, resource: string): number {
  let sum = 0;
  for (const [key, { value }] of flavor)
    if (/^resources([1-9][0-9]*)?:/.test(key) && key.endsWith(`:${resource}`)) sum += Number(value);
  return sum;
}

/** The trait says the same as hw:cpu_thread_policy. */
function threadsByTrait(settings: Settings, policy: ThreadPolicy | undefined): ThreadPolicy | undefined {
  const trait = hyperthreadingTrait(settings);
  if (!trait) return policy;
  if (policy)
    throw invalid(
      'trait:HW_CPU_HYPERTHREADING',
      trait,
      'use it or hw:cpu_thread_policy, not both',
      'InvalidRequest',
    );
  return trait === 'forbidden' ? 'isolate' : 'require';
}

function hyperthreadingTrait({ flavor, image }: Settings): string | undefined {
  for (const [key, { value }] of flavor)
    if (/^trait([1-9][0-9]*)?:HW_CPU_HYPERTHREADING$/.test(key)) return String(value);
  return image.get('trait:HW_CPU_HYPERTHREADING')?.value === 'required' ? 'required' : undefined;
}

interface Together {
  policy: CpuPolicy | undefined;
  threads: ThreadPolicy | undefined;
  emulator: EmulatorPolicy | undefined;
  mask: CpuList;
  realtime: CpuList;
}

function checkTogether({ policy, threads, emulator, mask, realtime }: Together): void {
  const maskKey = 'hw:cpu_dedicated_mask';
  if (policy === 'mixed') {
    if (realtime.length > 0 === mask.length > 0)
      throw invalid(
        'hw:cpu_policy',
        policy,
        `it needs ${maskKey}, or hw:cpu_realtime_mask instead`,
        'RequiredMixedOrRealtimeCPUMask',
      );
    return;
  }
  if (policy !== 'dedicated') {
    if (threads)
      throw invalid(
        'hw:cpu_thread_policy',
        threads,
        'it needs hw:cpu_policy=dedicated',
        'CPUThreadPolicyConfigurationInvalid',
      );
    if (emulator === 'isolate')
      throw invalid(
        'hw:emulator_threads_policy',
        emulator,
        'it needs hw:cpu_policy=dedicated',
        'BadRequirementEmulatorThreadsPolicy',
      );
  }
  if (mask.length > 0)
    throw invalid(maskKey, mask.join(','), 'it needs hw:cpu_policy=mixed', 'RequiredMixedInstancePolicy');
  if (policy !== 'dedicated' && realtime.length > 0)
    throw invalid(
      'hw:cpu_realtime',
      'true',
      'it needs hw:cpu_policy=dedicated or mixed',
      'RealtimeConfigurationInvalid',
    );
}

const dedicatedCpus = (policy: CpuPolicy | undefined, masked: CpuList, vcpus: number): CpuList =>
  policy === 'dedicated' ? cpusUpTo(vcpus) : policy === 'mixed' ? masked : [];
