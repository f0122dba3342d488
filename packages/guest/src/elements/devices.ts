/** All kinds of devices, and how each becomes XML. A new device is a file beside this one and two lines here. */
import { origin } from '../origin.ts';
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { type Channel, channelToXml } from './channel.ts';
import { type Controller, controllerToXml } from './controller.ts';
import { type Disk, diskToXml } from './disk.ts';
import { type Graphics, graphicsToXml } from './graphics.ts';
import { type Hostdev, hostdevToXml } from './hostdev.ts';
import { type Input, inputToXml } from './input.ts';
import { type Interface, interfaceToXml } from './interface.ts';
import { type Iommu, iommuToXml } from './iommu.ts';
import { type Memballoon, memballoonToXml } from './memballoon.ts';
import { type Panic, panicToXml } from './panic.ts';
import { type Redirdev, redirdevToXml } from './redirdev.ts';
import { type Rng, rngToXml } from './rng.ts';
import { type Serial, serialToXml } from './serial.ts';
import { type Sound, soundToXml } from './sound.ts';
import { type Tpm, tpmToXml } from './tpm.ts';
import { type Video, videoToXml } from './video.ts';
import { type Watchdog, watchdogToXml } from './watchdog.ts';

export type Device =
  | Channel
  | Controller
  | Disk
  | Graphics
  | Input
  | Interface
  | Memballoon
  | Panic
  | Rng
  | Serial
  | Video
  | Hostdev
  | Iommu
  | Redirdev
  | Sound
  | Tpm
  | Watchdog;

const toXml = {
  channel: channelToXml,
  controller: controllerToXml,
  disk: diskToXml,
  graphics: graphicsToXml,
  input: inputToXml,
  interface: interfaceToXml,
  memballoon: memballoonToXml,
  panic: panicToXml,
  rng: rngToXml,
  serial: serialToXml,
  video: videoToXml,
  hostdev: hostdevToXml,
  iommu: iommuToXml,
  redirdev: redirdevToXml,
  sound: soundToXml,
  tpm: tpmToXml,
  watchdog: watchdogToXml,
} as const satisfies { [K in Device['kind']]: (node: Extract<Device, { kind: K }>) => XmlElement };

/** Each kind's own function; the cast says what the table above proves: key and node are of one kind. */
export const deviceToXml = (device: Device): XmlElement =>
  (toXml[device.kind] as (node: Device) => XmlElement)(device);

const byHost = origin('host', 'emulator', 'the emulator that this node uses');

/** Without an emulator libvirt takes its own. */
export const devicesToXml = (emulator: string | undefined, devices: readonly Device[]): XmlElement =>
  element('devices', {}, [
    emulator === undefined ? undefined : textElement('emulator', emulator, byHost),
    ...devices.map(deviceToXml),
  ]);
