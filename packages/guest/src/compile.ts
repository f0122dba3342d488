/** Input and host to the frozen tree of a guest’s hardware, and the tree to libvirt’s XML. Pure. */
import type { GuestInput } from '@gantry/model';
import { devicesFrom } from './devices.ts';
import { domain, domainToXml, type GuestDomain } from './elements/domain.ts';
import { ioThreads } from './elements/io-threads.ts';
import type { HostContext } from './host-context.ts';
import { builtin, origin } from './origin.ts';
import { gantryProfile, type Profile } from './profiles.ts';
import { refused } from './refusal.ts';
import { clockFrom } from './specs/clock.ts';
import { cpuFrom } from './specs/cpu.ts';
import { cpuTuneFrom, numaTuneFrom, vcpuFrom } from './specs/cpu-tune.ts';
import { threadsOf } from './specs/disk.ts';
import { launchSecurityFrom } from './specs/encryption.ts';
import { featuresFrom } from './specs/features.ts';
import { firmwareFrom } from './specs/firmware.ts';
import { iommuFrom } from './specs/iommu.ts';
import { osFrom } from './specs/machine.ts';
import { memoryBackingFrom } from './specs/memory-backing.ts';
import { memoryFrom, pluggedVcpusFrom } from './specs/room.ts';
import { sysinfoFrom } from './specs/sysinfo.ts';
import type { Wanted } from './wanted.ts';
import { wantedFrom } from './wanted-from-input.ts';
import { writeXml } from './xml/writer.ts';

/**
 * The guest’s hardware on that host. Every setting is checked again: what reaches here may not have come through the API.
 * @throws GantryError `guest_refused`, or the code of the setting that is not valid
 */
export const compileGuest = (
  input: GuestInput,
  host: HostContext,
  profile: Profile = gantryProfile,
): GuestDomain => buildDomain(wantedFrom(input, host, profile));

/** The domain as libvirt reads it. */
export const renderDomain = (guest: GuestDomain): string => writeXml(domainToXml(guest));

const acceleratorRule = {
  kvm: 'KVM runs guests on this node',
  tcg: 'KVM does not run guests on this node, so QEMU emulates them',
} as const;

/** The one path from what is wanted to the tree. @throws GantryError `guest_refused` */
export function buildDomain(wanted: Wanted): GuestDomain {
  const { identity, host, machine } = wanted;
  if (machine.type.value === '') throw refused('it has no machine type');
  const parts = cpuAndMemory(wanted);
  const firmware = firmwareFrom(wanted);
  const iommu = iommuFrom(wanted);
  return domain({
    type: host.accelerator === 'kvm' && !machine.emulated ? 'kvm' : 'qemu',
    uuid: identity.uuid,
    name: identity.name,
    ...(identity.metadata ? { metadata: identity.metadata } : {}),
    memory: memoryFrom(wanted),
    ...parts,
    ...optional('sysinfo', sysinfoFrom(wanted)),
    os: osFrom(wanted, firmware?.element),
    features: featuresFrom(wanted, { smm: firmware?.needsSmm ?? false, ioApic: iommu?.origin }),
    clock: clockFrom(wanted),
    lifecycle: wanted.lifecycle,
    ...optional('emulator', host.emulator),
    devices: devicesFrom(wanted, iommu),
    ...optional('launchSecurity', launchSecurityFrom(wanted)),
    origin: origin('host', 'accelerator', acceleratorRule[host.accelerator]),
  });
}

const cpuAndMemory = (wanted: Wanted) => ({
  ...optional('memoryBacking', memoryBackingFrom(wanted)),
  ...optional('cpuTune', cpuTuneFrom(wanted)),
  ...optional('numaTune', numaTuneFrom(wanted)),
  ...optional('ioThreads', ioThreadsFrom(wanted)),
  vcpu: vcpuFrom(wanted),
  ...optional('vcpus', pluggedVcpusFrom(wanted)),
  cpu: cpuFrom(wanted),
});

function ioThreadsFrom(wanted: Wanted) {
  const count = Math.max(0, ...threadsOf(wanted).values());
  if (count === 0) return undefined;
  const by = builtin(
    'iothreads',
    'one for each disk, so that QEMU’s main loop and other disks do not delay it',
  );
  return ioThreads({ count, origin: by });
}

const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
