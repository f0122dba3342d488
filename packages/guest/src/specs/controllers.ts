/** The controllers that devices need and libvirt would choose otherwise: SCSI, USB, PCI Express ports. */
import { type Controller, controller } from '../elements/controller.ts';
import type { Device } from '../elements/devices.ts';
import { builtin, type Decided, decided, type Origin, origin } from '../origin.ts';
import { refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { fromPolicy } from './policy.ts';
import { agreed, because, type Settings, wordOf } from './settings.ts';
import { virtioFrom } from './virtio.ts';

/** The image’s model, or the profile’s where a disk is on SCSI. */
export function scsiModel(settings: Settings, onScsi: boolean): Decided<string> | undefined {
  const image = wordOf<string>(settings, 'image', 'hw_scsi_model');
  if (image) return because(image, 'the image decides');
  const { scsiController } = settings.profile;
  return onScsi && scsiController !== undefined
    ? decided(scsiController, builtin('hw_scsi_model', 'libvirt’s own choice would be a controller of 1998'))
    : undefined;
}

export function scsiControllerFrom(wanted: Wanted): Controller[] {
  const model = scsiModel(
    wanted.settings,
    wanted.disks.some((disk) => disk.bus.value === 'scsi'),
  );
  if (!model) return [];
  if (model.value === 'buslogic')
    throw refused('QEMU has no SCSI controller buslogic; set hw_scsi_model=virtio-scsi or lsilogic');
  return [
    controller({
      type: 'scsi',
      index: 0,
      model: model.value,
      ...virtioFrom(wanted, model.value === 'virtio-scsi'),
      origin: model.origin,
    }),
  ];
}

/** Encryption must reach the channels’ controller too, which libvirt would add without it. */
export const serialControllerFrom = (wanted: Wanted, channels: boolean): Controller[] =>
  wanted.encrypted && channels
    ? [
        controller({
          type: 'virtio-serial',
          ...virtioFrom(wanted, true),
          origin: origin('flavor', 'hw:mem_encryption', 'its memory is encrypted like all of the guest’s'),
        }),
      ]
    : [];

/**
 * Machines with PCI Express have a fixed number of ports for devices that are plugged in later. Nova counts all ports
 * (`num_pcie_ports`); Gantry those that stay free beside the ones that `devices` take: libvirt puts each on one of its own.
 */
export function pciePortsFrom(
  { node, host, machine, settings }: Wanted,
  devices: readonly Device[],
): Controller[] {
  const type = machine.type.value;
  const express =
    (host.architecture === 'x86_64' && type.includes('q35')) ||
    (host.architecture === 'aarch64' && type.startsWith('virt'));
  if (!express) return [];
  if (node.pciePorts > 0)
    return ports(node.pciePorts, origin('host', 'pciePorts', 'as the node is configured'));
  const policy = settings.policy.hotplugPorts;
  const free = policy?.value ?? settings.profile.hotplugPorts;
  if (free === 0) return [];
  const rule = `${free} stay free for devices that are plugged in later`;
  const by = policy ? fromPolicy('hotplugPorts', policy, rule).origin : builtin('hotplugPorts', rule);
  return ports(free + devicesOnPorts(devices), by);
}

function ports(count: number, by: Origin): Controller[] {
  const port = controller({ type: 'pci', model: 'pcie-root-port', origin: by });
  return [
    controller({ type: 'pci', model: 'pcie-root', origin: by }),
    ...Array.from({ length: count }, () => port),
  ];
}

/** The virtio-serial controller of the channels, and the bridge for devices of old PCI, are one each. */
function devicesOnPorts(devices: readonly Device[]): number {
  const own = devices.filter(takesPort).length;
  const channels = devices.some(({ kind }) => kind === 'channel') ? 1 : 0;
  const conventional = devices.some(({ kind }) => kind === 'watchdog') ? 1 : 0;
  return own + channels + conventional;
}

function takesPort(device: Device): boolean {
  switch (device.kind) {
    case 'disk':
      return device.target.bus === 'virtio';
    case 'controller':
      return device.type === 'scsi' || (device.type === 'usb' && device.model !== 'none');
    case 'input':
      return device.bus === 'virtio';
    case 'interface':
    case 'hostdev':
    case 'memballoon':
    case 'rng':
    case 'video':
      return true;
    default:
      return false;
  }
}

/** A USB controller keeps an idle guest’s QEMU busy with polling, so there is none where nothing needs it. */
export function usbControllerFrom({ settings }: Wanted, devices: readonly Device[]): Controller[] {
  const asked = agreed<string>(settings, 'hw:usb_model', 'hw_usb_model');
  const needed = devices.some(needsUsb);
  if (asked && asked.value !== 'none')
    return [
      controller({
        type: 'usb',
        index: 0,
        model: asked.value,
        origin: because(asked, `the ${asked.level} decides`).origin,
      }),
    ];
  if (asked && needed) throw refused('hw_usb_model=none, and another setting asks for a USB device');
  if (needed) return settings.profile.usbController === 'always' ? [plainUsb] : [];
  return [noUsb];
}

const plainUsb = controller({
  type: 'usb',
  index: 0,
  origin: builtin('usb', 'a device of this guest is on USB'),
});
const noUsb = controller({
  type: 'usb',
  index: 0,
  model: 'none',
  origin: builtin('usb', 'nothing of this guest needs USB, whose polling keeps an idle QEMU busy'),
});

function needsUsb(device: Device): boolean {
  switch (device.kind) {
    case 'disk':
      return device.target.bus === 'usb';
    case 'input':
      return device.bus === 'usb';
    case 'sound':
      return device.model === 'usb';
    case 'redirdev':
      return true;
    default:
      return false;
  }
}
