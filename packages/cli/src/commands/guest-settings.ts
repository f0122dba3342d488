/** Settings of guests: options that `instance create`, `group set` and `cluster set` share. */
import { cpuModes, type GuestPolicy, parseDurationMs, shutoffActions } from '@gantry/model';
import type { Given } from '../given.ts';
import { parseCount, parseYesNo } from '../parse.ts';
import type { Flag } from '../verb.ts';

export const guestFlags: readonly Flag[] = [
  { flags: '--cpu-mode <mode>', description: 'CPU that the guest sees', choices: cpuModes },
  { flags: '--cpu-model <model>', description: 'with --cpu-mode custom' },
  { flags: '--cpu-flag <flag>', description: '+FLAG requires, -FLAG disables', many: true },
  {
    flags: '--cpu-enforce <yes|no>',
    description: 'do not start it where it would lack a CPU feature that is asked for',
    choices: ['yes', 'no'],
  },
  { flags: '--machine-type <type>', description: 'QEMU machine type' },
  {
    flags: '--disk-cache <mode>',
    description: 'cache mode of its disks',
    choices: ['none', 'writeback', 'writethrough', 'directsync', 'unsafe'],
  },
  {
    flags: '--hotplug-ports <count>',
    description: 'PCI Express ports kept free for disks and NICs that are plugged in later (q35), default 4',
  },
  {
    flags: '--on-poweroff <action>',
    description: 'when the guest powers itself off',
    choices: shutoffActions,
  },
  { flags: '--on-reboot <action>', description: 'when the guest reboots itself', choices: shutoffActions },
  {
    flags: '--on-crash <action>',
    description: 'when QEMU dies or the guest panics',
    choices: shutoffActions,
  },
  {
    flags: '--start-on-boot <yes|no>',
    description: 'start it again after the node booted',
    complete: () => ['yes', 'no'],
  },
  {
    flags: '--confirm-resize-after <duration>',
    description: 'a resize that nobody reverts is confirmed after so long; default: never',
  },
  { flags: '--stop-timeout <duration>', description: 'a graceful stop may take so long, then it is forced' },
];

/** Those that are given. @throws GantryError `invalid_argument` */
export function guestPolicy(given: Given): GuestPolicy {
  const word = <K extends keyof GuestPolicy & string>(key: K) => given.put(key, key, (text) => text as never);
  const flags = given.all('cpuFlag');
  return {
    ...word('cpuMode'),
    ...word('cpuModel'),
    ...(flags.length > 0 ? { cpuFlags: [...flags] } : {}),
    ...word('machineType'),
    ...word('diskCache'),
    ...given.put('hotplugPorts', 'hotplugPorts', parseCount),
    ...word('onPoweroff'),
    ...word('onReboot'),
    ...word('onCrash'),
    ...given.put('cpuEnforce', 'cpuEnforce', parseYesNo),
    ...given.put('startOnBoot', 'startOnBoot', parseYesNo),
    ...given.put('confirmResizeAfterMs', 'confirmResizeAfter', parseDurationMs),
    ...given.put('stopTimeoutMs', 'stopTimeout', parseDurationMs),
  };
}
