/**
 * Guest settings that are inherited: cluster -> group -> instance. Flavor and image properties (Nova's keys) stand
 * between group and instance where both speak of the same hardware. The compiled guest remembers which level won.
 */
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { Milliseconds } from '../units.ts';

export const cpuModes = ['host-model', 'host-passthrough', 'custom', 'maximum', 'none'] as const;
export const shutoffActions = ['restart', 'stop'] as const;

export const GuestPolicy = strict(
  {
    cpuMode: optional(
      oneOf(cpuModes, 'CPU the guest sees; built-in default: host-model under KVM, maximum under TCG'),
    ),
    cpuModel: optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.-]{1,64}$',
        description: 'libvirt CPU model, for cpuMode=custom',
      }),
    ),
    cpuFlags: optional(
      Type.Array(Type.String({ pattern: '^[+-]?[a-z0-9_.-]{1,32}$' }), {
        maxItems: 64,
        description: 'CPU features: +flag requires, -flag disables',
      }),
    ),
    cpuEnforce: optional(
      Type.Boolean({
        description: 'do not start the guest where it would lack a CPU feature that model and flags ask for',
      }),
    ),
    machineType: optional(
      Type.String({ pattern: '^[a-z0-9_.-]{1,64}$', description: 'QEMU machine type; built-in default: pc' }),
    ),
    diskCache: optional(
      oneOf(
        ['none', 'writeback', 'writethrough', 'directsync', 'unsafe'] as const,
        'cache mode of disks; built-in default: none where the file system allows O_DIRECT, else writeback',
      ),
    ),
    hotplugPorts: optional(
      Type.Integer({
        minimum: 0,
        maximum: 28,
        description:
          'PCI Express ports kept free for disks and NICs that are plugged in later, on machines that have them (q35, virt); default 4',
      }),
    ),
    onPoweroff: optional(oneOf(shutoffActions, 'when the guest powers itself off; default stop')),
    onReboot: optional(oneOf(shutoffActions, 'when the guest reboots itself; default restart')),
    onCrash: optional(
      oneOf(
        shutoffActions,
        'when QEMU dies or the guest panics; default restart, at most 5 times in 10 minutes',
      ),
    ),
    startOnBoot: optional(
      Type.Boolean({ description: 'start again after the node booted, if it should run; default true' }),
    ),
    confirmResizeAfterMs: optional(
      Milliseconds('a resize that nobody reverts is confirmed after so long; default: never', 60_000),
    ),
    stopTimeoutMs: optional(
      Milliseconds('how long a graceful stop may take before the guest is forced off; default 60000'),
    ),
  },
  { description: 'inherited guest settings' },
);
export type GuestPolicy = Static<typeof GuestPolicy>;

/** What holds where no level says anything. The CPU mode's default depends on the node's accelerator. */
export const builtinPolicy = {
  machineType: 'pc',
  onPoweroff: 'stop',
  onReboot: 'restart',
  onCrash: 'restart',
  startOnBoot: true,
  stopTimeoutMs: 60_000,
} as const satisfies GuestPolicy;

export type PolicyLevel = 'builtin' | 'cluster' | 'group' | 'flavor' | 'image' | 'instance' | 'host';
