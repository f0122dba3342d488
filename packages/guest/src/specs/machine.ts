/** hw_machine_type, machineType of the policy, the architecture's default; and what the guest boots. */
import { err, type GuestInput } from '@gantry/model';
import { type DiskBus, deviceName } from '../elements/disk.ts';
import { directKernel, diskBoot, type MachineType, machineType, type Os, os } from '../elements/os.ts';
import type { HostContext } from '../host-context.ts';
import { builtin, type Decided, decided, origin } from '../origin.ts';
import { fromPolicy } from './policy.ts';
import { because, type Settings, wordOf } from './settings.ts';

export const osFrom = (settings: Settings, input: GuestInput, host: HostContext, bus: DiskBus): Os =>
  os({
    machineType: machineTypeFrom(settings, host),
    boot: bootFrom(input.boot, host, bus),
    origin: origin('instance', 'boot', 'machine and boot of this guest'),
  });

/** @throws GantryError `guest_refused` when the node's QEMU has no such machine, or the image is for another architecture */
function machineTypeFrom(settings: Settings, host: HostContext): MachineType {
  const wanted = wordOf(settings, 'image', 'hw_architecture');
  if (wanted && wanted.value !== host.architecture)
    throw refused(`the image is for ${wanted.value}, and this node is ${host.architecture}`);
  const { value: machine, origin: by } = chosenMachine(settings, host);
  if (host.machineTypes && !host.machineTypes.includes(machine))
    throw refused(`QEMU on this node has no machine type ${machine}`);
  return machineType({ architecture: host.architecture, machine, origin: by });
}

/** A guest keeps its machine over changes of defaults; only its own settings change it. */
function chosenMachine(settings: Settings, host: HostContext): Decided<string> {
  const asked = askedMachine(settings, host.architecture);
  const own = asked.origin.level === 'image' || asked.origin.level === 'instance';
  if (!host.hardware || (own && asked.value !== host.hardware.asked)) return asked;
  return decided(
    host.hardware.machineType,
    origin('host', 'hardware', 'what the guest got at its first start; a newer default does not change it'),
  );
}

/** What the settings, or else the architecture's default, ask for. */
export function askedMachine(settings: Settings, architecture: string): Decided<string> {
  const setting = machineSetting(settings);
  if (setting) return setting;
  const fallback = settings.profile.machineTypes[architecture];
  if (!fallback) throw refused(`there is no default machine type for ${architecture}`);
  return decided(fallback, builtin('hw_machine_type', `the default for ${architecture}`));
}

/** The instance's policy, then the image, then group and cluster; undefined where nobody says anything. */
export function machineSetting(settings: Settings): Decided<string> | undefined {
  const policy = settings.policy.machineType;
  const ofPolicy = policy && fromPolicy('machineType', policy, 'as the policy says');
  if (policy?.level === 'instance') return ofPolicy;
  const image = wordOf<string>(settings, 'image', 'hw_machine_type');
  return image ? because(image, 'the image wins over group and cluster') : ofPolicy;
}

function bootFrom(boot: GuestInput['boot'], host: HostContext, bus: DiskBus): Os['boot'] {
  if (boot.kernel === 'disk')
    return diskBoot({
      device: 'hd',
      origin: origin('instance', 'boot.kernel', 'the firmware boots the first disk'),
    });
  if (host.kernel === undefined) throw refused('it boots a kernel of its own, but the node has none for it');
  const previewed = [`root=${boot.root ?? firstDisk(bus)}`, 'console=ttyS0', boot.args ?? ''];
  return directKernel({
    kernel: host.kernel,
    ...(host.initrd === undefined ? {} : { initrd: host.initrd }),
    commandLine: host.commandLine ?? previewed.filter((word) => word !== '').join(' '),
    origin: origin('instance', 'boot.kernel', 'the node boots the guest’s own copy of the kernel directly'),
  });
}

/** As Linux names the first disk on that bus. */
export const firstDisk = (bus: DiskBus): string =>
  `/dev/${deviceName(bus === 'virtio' ? 'virtio' : 'scsi', 0)}`;

const refused = (why: string) => err('guest_refused', { why });
