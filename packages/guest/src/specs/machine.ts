/** hw_machine_type, machineType of the policy, the node’s or the architecture’s default; and what the guest boots. */

import type { Firmware } from '../elements/firmware.ts';
import { type BootMenu, bootMenu, directKernel, diskBoot, machineType, type Os, os } from '../elements/os.ts';
import type { HostFacts } from '../host-facts.ts';
import type { NodeConfig } from '../node-config.ts';
import { builtin, type Decided, decided, origin } from '../origin.ts';
import { refused } from '../refusal.ts';
import type { MachinePlan, Wanted } from '../wanted.ts';
import { fromPolicy } from './policy.ts';
import { because, booleanOf, type Settings, wordOf } from './settings.ts';

export const osFrom = (wanted: Wanted, firmware: Firmware | undefined): Os => {
  const boot = bootFrom(wanted);
  const menu = bootMenuFrom(wanted.settings);
  const { type, architecture } = wanted.machine;
  return os({
    machineType: machineType({ architecture, machine: type.value, origin: type.origin }),
    ...(firmware ? { firmware } : {}),
    ...(boot ? { boot } : {}),
    ...(menu ? { bootMenu: menu } : {}),
    smbios: wanted.settings.profile.sysinfo !== undefined && isX86(architecture),
    origin: origin('instance', 'boot', 'machine and boot of this guest'),
  });
};

export const isX86 = (architecture: string): boolean => architecture === 'x86_64' || architecture === 'i686';

/** What the guest got at its first start; it holds from then on. */
export interface Hardware {
  readonly asked: string;
  readonly machineType: string;
}

/** @throws GantryError `guest_refused` when the node’s QEMU has no such machine */
export function machineFrom(
  settings: Settings,
  host: HostFacts,
  node: NodeConfig,
  hardware?: Hardware,
): MachinePlan {
  const asked = wordOf<string>(settings, 'image', 'hw_architecture')?.value ?? host.architecture;
  const emulates = wordOf<string>(settings, 'image', 'hw_emulation_architecture')?.value;
  const architecture = emulates ?? asked;
  const type = keptMachine(askedMachine(settings, asked, node), hardware);
  const emulated = architecture !== host.architecture;
  if (!emulated && host.machineTypes && !host.machineTypes.includes(type.value))
    throw refused(`QEMU on this node has no machine type ${type.value}`, 'InvalidMachineType');
  return { type, architecture, imageArchitecture: asked, emulated };
}

/** A guest keeps its machine over changes of defaults; only its own settings change it. */
function keptMachine(asked: Decided<string>, hardware: Hardware | undefined): Decided<string> {
  const own = asked.origin.level === 'image' || asked.origin.level === 'instance';
  if (!hardware || (own && asked.value !== hardware.asked)) return asked;
  return decided(
    hardware.machineType,
    origin('host', 'hardware', 'what the guest got at its first start; a newer default does not change it'),
  );
}

/** What the settings, or else the defaults, ask for. */
export function askedMachine(settings: Settings, architecture: string, node?: NodeConfig): Decided<string> {
  const setting = machineSetting(settings);
  if (setting) return setting;
  const fallback = (node ?? settings.profile.node).machineTypes[architecture];
  if (!fallback) throw refused(`there is no default machine type for ${architecture}`, 'InvalidMachineType');
  return decided(fallback, builtin('hw_machine_type', `the default for ${architecture}`));
}

/** The instance’s policy, then the image, then group and cluster; undefined where nobody says anything. */
export function machineSetting(settings: Settings): Decided<string> | undefined {
  const policy = settings.policy.machineType;
  const ofPolicy = policy && fromPolicy('machineType', policy, 'as the policy says');
  if (policy?.level === 'instance') return ofPolicy;
  const image = wordOf<string>(settings, 'image', 'hw_machine_type');
  return image ? because(image, 'the image wins over group and cluster') : ofPolicy;
}

function bootFrom({ boot, settings }: Wanted): Os['boot'] {
  if (boot.kind === 'none') return undefined;
  if (boot.kind === 'disk') return diskBoot({ devices: boot.devices, origin: boot.origin });
  const image = wordOf<string>(settings, 'image', 'os_command_line');
  return directKernel({
    kernel: boot.kernel,
    ...(boot.initrd === undefined ? {} : { initrd: boot.initrd }),
    commandLine: image && image.value !== '' ? image.value : boot.commandLine,
    origin: boot.origin,
  });
}

/** The image’s word wins, `no` too. */
function bootMenuFrom(settings: Settings): BootMenu | undefined {
  const found = booleanOf(settings, 'image', 'hw_boot_menu') ?? booleanOf(settings, 'flavor', 'hw:boot_menu');
  return found?.value
    ? bootMenu({ on: true, origin: because(found, `the ${found.level} asks for it`).origin })
    : undefined;
}
