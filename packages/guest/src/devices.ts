/** All devices of a guest, in the order in which they are written: the guest numbers some of them by it. */
import type { Device } from './elements/devices.ts';
import { memballoon } from './elements/memballoon.ts';
import { panic } from './elements/panic.ts';
import { builtin } from './origin.ts';
import {
  pciePortsFrom,
  scsiControllerFrom,
  serialControllerFrom,
  usbControllerFrom,
} from './specs/controllers.ts';
import { disksFrom } from './specs/disk.ts';
import { graphicsFrom, inputsFrom, spiceChannelFrom, videoFrom } from './specs/display.ts';
import { hostdevsFrom, redirdevsFrom, soundFrom } from './specs/extras.ts';
import { guestAgentFrom } from './specs/guest-agent.ts';
import { nicsFrom } from './specs/nic.ts';
import { rngFrom } from './specs/rng.ts';
import { serialsFrom } from './specs/serial.ts';
import { tpmFrom } from './specs/tpm.ts';
import { virtioFrom } from './specs/virtio.ts';
import { watchdogFrom } from './specs/watchdog.ts';
import type { Wanted } from './wanted.ts';

export function devicesFrom(wanted: Wanted, iommu: Device | undefined): Device[] {
  const disks = disksFrom(wanted);
  const agent = guestAgentFrom(wanted);
  const displays = graphicsFrom(wanted);
  const inputs = displays.length > 0 ? inputsFrom(wanted) : [];
  const extras: Device[] = [...soundFrom(wanted), ...redirdevsFrom(wanted)];
  const first: Device[] = [
    ...disks,
    ...scsiControllerFrom(wanted),
    ...usbControllerFrom(wanted, [...disks, ...inputs, ...extras]),
  ];
  const rest: Device[] = [
    ...nicsFrom(wanted),
    ...serialsFrom(wanted),
    ...serialControllerFrom(wanted, agent.length > 0),
    ...agent,
    ...spiceChannelFrom(wanted),
    ...inputs,
    ...displays,
    ...(displays.length > 0 ? [videoFrom(wanted)] : []),
    ...extras,
    ...hostdevsFrom(wanted),
    ...present(watchdogFrom(wanted.settings)),
    ...balloonFrom(wanted),
    ...present(rngFrom(wanted)),
    ...tpmFrom(wanted),
    ...present(iommu),
    ...panicFrom(wanted),
  ];
  return [...first, ...pciePortsFrom(wanted, [...first, ...rest]), ...rest];
}

const present = <T>(device: T | undefined): T[] => (device === undefined ? [] : [device]);

const balloonFrom = (wanted: Wanted): Device[] =>
  wanted.node.balloonStatsPeriodS === undefined
    ? []
    : [
        memballoon({
          statsPeriodS: wanted.node.balloonStatsPeriodS,
          ...virtioFrom(wanted, true),
          origin: builtin('memballoon', 'the guest’s own view of its memory'),
        }),
      ];

const panicFrom = ({ settings, machine }: Wanted): Device[] =>
  settings.profile.panicDevice && machine.architecture === 'x86_64'
    ? [panic({ model: 'isa', origin: builtin('panic', 'a panic of the guest’s kernel is seen at once') })]
    : [];
