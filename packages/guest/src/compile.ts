/** Input and host to the frozen tree of a guest's hardware, and the tree to libvirt's XML. Pure. */
import { err, type GuestInput, matches, Name } from '@gantry/model';
import { vcpu } from './elements/cpu.ts';
import type { Device } from './elements/devices.ts';
import { domain, domainToXml, type GuestDomain } from './elements/domain.ts';
import { memballoon } from './elements/memballoon.ts';
import { memory } from './elements/memory.ts';
import { metadata } from './elements/metadata.ts';
import { panic } from './elements/panic.ts';
import { serial } from './elements/serial.ts';
import type { HostContext } from './host-context.ts';
import { builtin, origin } from './origin.ts';
import { gantryProfile, type Profile } from './profiles.ts';
import { checkGuest } from './specs/check.ts';
import { clockFrom } from './specs/clock.ts';
import { cpuFrom } from './specs/cpu.ts';
import { diskBusFrom, disksFrom, scsiControllerFrom } from './specs/disk.ts';
import { graphicsFrom, pointerFrom, usbControllerFrom, videoFrom } from './specs/display.ts';
import { featuresFrom } from './specs/features.ts';
import { guestAgentFrom } from './specs/guest-agent.ts';
import { lifecycleFrom } from './specs/lifecycle.ts';
import { osFrom } from './specs/machine.ts';
import { nicsFrom } from './specs/nic.ts';
import { rngFrom } from './specs/rng.ts';
import { readSettings, type Settings } from './specs/settings.ts';
import { watchdogFrom } from './specs/watchdog.ts';
import { writeXml } from './xml/writer.ts';

/** sun_path of a unix socket address holds 108 bytes, the last one NUL. */
const LONGEST_SOCKET_PATH = 107;

/**
 * The guest's hardware on that host. Every setting is checked again: what reaches here may not have come through the API.
 * @throws GantryError `guest_refused`, or the code of the setting that is not valid
 */
export function compileGuest(
  input: GuestInput,
  host: HostContext,
  profile: Profile = gantryProfile,
): GuestDomain {
  const settings = readSettings(input, profile);
  checkGuest(settings, input);
  if (!matches(Name, input.name)) throw refused('its name is not a valid one');
  for (const socket of [host.agentSocket, host.vncSocket])
    if (new TextEncoder().encode(socket).length > LONGEST_SOCKET_PATH)
      throw refused(
        `the path of its socket is too long (${socket}); give the agent a shorter state directory`,
      );
  return domain({
    type: host.accelerator === 'kvm' ? 'kvm' : 'qemu',
    uuid: host.uuid,
    name: input.name,
    metadata: metadata({
      cluster: host.cluster,
      instance: host.uuid,
      epoch: host.epoch,
      name: input.name,
      origin: builtin('metadata', 'whose guest this is, and by which binding it runs'),
    }),
    memory: memory({ sizeMiB: input.memoryMiB, origin: bySize('memoryMiB') }),
    vcpu: vcpu({ count: input.vcpus, origin: bySize('vcpus') }),
    os: osFrom(settings, input, host, diskBusFrom(settings).value),
    features: featuresFrom(settings, host),
    cpu: cpuFrom(settings, host.accelerator, input.vcpus),
    clock: clockFrom(settings, host),
    lifecycle: lifecycleFrom(settings),
    emulator: host.emulator,
    devices: devicesFrom(settings, input, host),
    origin: origin('host', 'accelerator', acceleratorRule[host.accelerator]),
  });
}

/** The domain as libvirt reads it. */
export const renderDomain = (guest: GuestDomain): string => writeXml(domainToXml(guest));

const acceleratorRule = {
  kvm: 'KVM runs guests on this node',
  tcg: 'KVM does not run guests on this node, so QEMU emulates them',
} as const;

const bySize = (source: string) =>
  origin('flavor', source, 'size of the instance, from its flavor or its command');

function devicesFrom(settings: Settings, input: GuestInput, host: HostContext): Device[] {
  const devices: (Device | undefined)[] = [
    ...disksFrom(settings, input, host),
    ...scsiControllerFrom(settings),
    ...usbControllerFrom(settings),
    ...nicsFrom(settings, input, host),
    serialFrom(host),
    guestAgentFrom(settings, host.agentSocket),
    ...pointerFrom(settings),
    graphicsFrom(host.vncSocket),
    videoFrom(settings),
    watchdogFrom(settings),
    balloonFrom(settings),
    rngFrom(settings),
    panicFrom(settings, host),
  ];
  return devices.filter((device) => device !== undefined);
}

const serialFrom = (host: HostContext): Device =>
  serial({
    port: 0,
    logPath: host.consoleLog,
    origin: builtin('console', 'a console for the user, and its log kept over restarts'),
  });

const balloonFrom = ({ profile }: Settings): Device =>
  memballoon({
    statsPeriodS: profile.balloonStatsPeriodS,
    origin: builtin('memballoon', 'the guest’s own view of its memory'),
  });

const panicFrom = ({ profile }: Settings, host: HostContext): Device | undefined =>
  profile.panicDevice && host.architecture === 'x86_64'
    ? panic({ model: 'isa', origin: builtin('panic', 'a panic of the guest’s kernel is seen at once') })
    : undefined;

const refused = (why: string) => err('guest_refused', { why });
