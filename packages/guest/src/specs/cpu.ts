/** cpuMode, cpuModel, cpuFlags of the policy to the CPU element. */
import { err } from '@gantry/model';
import { type Cpu, type CpuFeature, cpu, cpuFeature } from '../elements/cpu.ts';
import { builtin, type Decided, decided } from '../origin.ts';
import type { Accelerator } from '../profiles.ts';
import { fromPolicy } from './policy.ts';
import type { Settings } from './settings.ts';
import { topologyFrom } from './topology.ts';

type Mode = NonNullable<Cpu['mode']> | 'none';

const whyDefault: Record<Accelerator, string> = {
  kvm: 'nearly all that the node’s CPU can, in a form that can be compared with other nodes',
  tcg: 'under TCG QEMU emulates the CPU, so the guest may have all that QEMU can',
};

export function cpuFrom(settings: Settings, accelerator: Accelerator, vcpus: number): Cpu {
  const mode = modeFrom(settings, accelerator);
  const { cpuModel } = settings.policy;
  return cpu({
    ...(mode.value === 'none' ? {} : { mode: mode.value }),
    ...(mode.value === 'custom' && cpuModel ? { model: cpuModel.value } : {}),
    topology: topologyFrom(settings, vcpus),
    features: flagsFrom(settings),
    origin: mode.origin,
  });
}

function modeFrom(settings: Settings, accelerator: Accelerator): Decided<Mode> {
  const { cpuMode } = settings.policy;
  if (!cpuMode)
    return decided(settings.profile.cpuMode[accelerator], builtin('cpuMode', whyDefault[accelerator]));
  if (cpuMode.value === 'host-passthrough' && accelerator === 'tcg')
    throw err('guest_refused', {
      why: 'cpuMode=host-passthrough needs KVM, and this node runs guests by emulation; use maximum or host-model',
    });
  return fromPolicy('cpuMode', cpuMode, 'as the policy says');
}

/** `+flag` or `flag` requires, `-flag` disables; the last word about a flag counts. */
function flagsFrom(settings: Settings): CpuFeature[] {
  const { cpuFlags } = settings.policy;
  if (!cpuFlags) return [];
  const { origin } = fromPolicy('cpuFlags', cpuFlags, 'as the policy says');
  const policies = new Map<string, CpuFeature['policy']>();
  for (const flag of cpuFlags.value)
    policies.set(flag.replace(/^[+-]/, ''), flag.startsWith('-') ? 'disable' : 'require');
  return [...policies].map(([name, policy]) => cpuFeature({ name, policy, origin }));
}
