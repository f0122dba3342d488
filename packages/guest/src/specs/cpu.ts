/** CPU mode, models and flags of policy or node, the guest’s cells, hw:maxphysaddr_*. */
import { type CpuBaseline, mostVcpus } from '@gantry/model';
import {
  type Cpu,
  type CpuFeature,
  cpu,
  cpuFeature,
  type MaxPhysAddr,
  maxPhysAddr,
  type NumaCell,
  numaCell,
} from '../elements/cpu.ts';
import { isAtLeast } from '../host-facts.ts';
import type { CpuMode } from '../node-config.ts';
import { builtin, type Decided, decided, origin } from '../origin.ts';
import type { Accelerator } from '../profiles.ts';
import { invalid, refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { baselineFeatures, baselineOrigin } from './cpu-baseline.ts';
import { canonicalModel, modelWithTraits } from './cpu-model.ts';
import { fromPolicy } from './policy.ts';
import { agreed, because, type Settings } from './settings.ts';
import { topologyFrom } from './topology.ts';

const whyDefault: Record<Accelerator, string> = {
  kvm: 'nearly all that the node’s CPU can, in a form that can be compared with other nodes',
  tcg: 'under TCG QEMU emulates the CPU, so the guest may have all that QEMU can',
};

export function cpuFrom(wanted: Wanted): Cpu {
  const { settings, machine, vcpus, maxVcpus } = wanted;
  const asked = modeFrom(wanted);
  const shared = baselineFor(wanted, asked.value);
  const mode: Decided<CpuMode> = shared ? decided('custom', baselineOrigin(shared)) : asked;
  const model = shared?.cpu.model ?? modelFrom(wanted, mode.value);
  const addresses = addressesFrom(wanted);
  const plain = machine.emulated || mode.value === 'none';
  const named = plain || mode.value === 'custom';
  return cpu({
    ...(plain ? {} : { mode: mode.value as Exclude<CpuMode, 'none'> }),
    ...(model === undefined ? {} : { model, ...(shared ? forbidden : fallbackOf(settings)) }),
    ...(named || settings.profile.cpuMatchAlways ? { match: 'exact' as const } : {}),
    ...(!plain && settings.policy.cpuEnforce?.value ? { check: 'full' as const } : {}),
    topology: topologyFrom(settings, mostVcpus({ vcpus, maxVcpus })),
    features: mode.value === 'none' ? [] : withFlags(shared, flagsFrom(wanted)),
    cells: cellsFrom(wanted),
    ...(addresses ? { maxPhysAddr: addresses } : {}),
    origin: mode.origin,
  });
}

/** What the group gives all its host-model guests; an emulated machine has no CPU of the host. */
const baselineFor = ({ cpuBaseline, machine }: Wanted, mode: CpuMode): CpuBaseline | undefined =>
  mode === 'host-model' && !machine.emulated ? cpuBaseline : undefined;

const forbidden = { fallback: 'forbid' as const };

/** The baseline’s features, but for those that the policy speaks of. */
function withFlags(shared: CpuBaseline | undefined, flags: CpuFeature[]): CpuFeature[] {
  if (!shared) return flags;
  const said = new Set(flags.map(({ name }) => name));
  const own = baselineFeatures(shared, baselineOrigin(shared));
  return [...own.filter(({ name }) => !said.has(name)), ...flags];
}

const fallbackOf = ({ profile }: Settings) =>
  profile.cpuFallback === undefined ? {} : { fallback: profile.cpuFallback };

function modeFrom({ settings, node, host, machine }: Wanted): Decided<CpuMode> {
  const { cpuMode } = settings.policy;
  if (cpuMode) {
    if (cpuMode.value === 'host-passthrough' && host.accelerator === 'tcg')
      throw refused(
        'cpuMode=host-passthrough needs KVM, and this node runs guests by emulation; use maximum or host-model',
      );
    return fromPolicy('cpuMode', cpuMode, 'as the policy says');
  }
  if (node.cpuMode !== undefined)
    return decided(node.cpuMode, origin('host', 'cpuMode', 'as the node is configured'));
  const { profile } = settings;
  const value = profile.cpuModeByArchitecture[machine.architecture] ?? profile.cpuMode[host.accelerator];
  return decided(value, builtin('cpuMode', whyDefault[host.accelerator]));
}

/** What QEMU has for an architecture that it emulates. */
const emulatedModels: Readonly<Record<string, string>> = { aarch64: 'cortex-a57', ppc64le: 'POWER8' };

function modelFrom({ settings, node, host, machine }: Wanted, mode: CpuMode): string | undefined {
  if (machine.emulated && emulatedModels[machine.architecture]) return emulatedModels[machine.architecture];
  if (mode !== 'custom') return undefined;
  const { cpuModel } = settings.policy;
  const models = cpuModel ? [cpuModel.value] : node.cpuModels;
  return modelWithTraits(
    models.map((model) => canonicalModel(model, host)),
    settings,
    host,
  );
}

/** `+flag` or `flag` requires, `-flag` disables; the last word about a flag counts. */
function flagsFrom({ settings, node }: Wanted): CpuFeature[] {
  const { cpuFlags } = settings.policy;
  const flags = cpuFlags?.value ?? node.cpuFlags;
  if (flags.length === 0) return [];
  const by = cpuFlags
    ? fromPolicy('cpuFlags', cpuFlags, 'as the policy says').origin
    : origin('host', 'cpuFlags', 'as the node is configured');
  const policies = new Map<string, CpuFeature['policy']>();
  for (const flag of flags)
    policies.set(flag.replace(/^[+-]/, '').toLowerCase(), flag.startsWith('-') ? 'disable' : 'require');
  return [...policies].map(([name, policy]) => cpuFeature({ name, policy, origin: by }));
}

function cellsFrom({ numa }: Wanted): NumaCell[] {
  if (!numa) return [];
  const smallest = numa.cells[0]?.smallestPageKiB ?? 4;
  const shared = numa.cells.some((cell) => cell.pageKiB !== undefined && cell.pageKiB > smallest);
  const by = origin(
    'flavor',
    'hw:numa_nodes',
    'NUMA cells of the guest: asked for, or needed by pages or pinning',
  );
  return numa.cells.map((cell, id) =>
    numaCell({ id, cpus: cell.vcpus, memoryMiB: cell.memoryMiB, shared, origin: by }),
  );
}

function addressesFrom({ settings, host }: Wanted): MaxPhysAddr | undefined {
  const mode = agreed<'passthrough' | 'emulate'>(settings, 'hw:maxphysaddr_mode', 'hw_maxphysaddr_mode');
  const bits = agreed<number>(settings, 'hw:maxphysaddr_bits', 'hw_maxphysaddr_bits');
  if (!mode) return undefined;
  if (!isAtLeast(host, [8, 7, 0])) throw refused(`${mode.source} needs libvirt 8.7 on the node`);
  if (mode.value === 'passthrough' && host.accelerator === 'tcg' && settings.profile.refuseIneffective)
    throw refused(`${mode.source}=passthrough needs KVM, and this node runs guests by emulation`);
  return maxPhysAddr({
    mode: mode.value,
    ...(mode.value === 'emulate' && bits ? { bits: bits.value } : {}),
    origin: because(mode, `the ${mode.level} decides`).origin,
  });
}

/** @throws GantryError `property_conflict`, `invalid_property` */
export function checkMaxPhysAddr(settings: Settings): void {
  const mode = agreed<string>(settings, 'hw:maxphysaddr_mode', 'hw_maxphysaddr_mode');
  const bits = agreed<number>(settings, 'hw:maxphysaddr_bits', 'hw_maxphysaddr_bits');
  if (mode?.value === 'emulate' && !bits)
    throw invalid(mode.source, mode.value, 'it needs the number: set hw:maxphysaddr_bits');
  if (bits && mode?.value !== 'emulate' && settings.profile.refuseIneffective)
    throw invalid(bits.source, String(bits.value), 'it needs hw:maxphysaddr_mode=emulate');
}
