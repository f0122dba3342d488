/** A case to what is wanted, and to the domain: the stages in the order in which Nova would meet their errors. */
import { err, validate } from '@gantry/model';
import { buildDomain } from '../compile.ts';
import type { GuestDomain } from '../elements/domain.ts';
import type { BootDevice } from '../elements/os.ts';
import { fitNuma } from '../numa/fit.ts';
import { guestTopology } from '../numa/guest-cells.ts';
import { origin } from '../origin.ts';
import { novaProfile, type Profile } from '../profiles.ts';
import { refused } from '../refusal.ts';
import { checkGuest } from '../specs/check.ts';
import { encryptionOn } from '../specs/encryption.ts';
import { machineFrom } from '../specs/machine.ts';
import { readSettings, type Settings } from '../specs/settings.ts';
import type { BootPlan, IdentityPlan, NumaPlan, Wanted } from '../wanted.ts';
import { NovaCase } from './case.ts';
import { type DiskLayout, diskLayout, rescueOf } from './disk-layout.ts';
import { diskPlans } from './disks.ts';
import { hostFactsFrom } from './host-facts.ts';
import { checkImageSize } from './image-size.ts';
import { nicPlan } from './nics.ts';
import { checkFileBacked, nodeConfigFrom } from './node-config.ts';
import { Options } from './options.ts';

/**
 * The guest’s hardware.
 * @throws GantryError, with Nova’s class of the same meaning in `params.nova`
 */
export const renderCase = (input: unknown, profile: Profile = novaProfile): GuestDomain =>
  buildDomain(wantedFromCase(validate(NovaCase, input), profile));

/** Settings checked as the API would, before any host is known. */
export function settingsOf(nova: NovaCase, profile: Profile = novaProfile): Settings {
  const settings = readSettings(
    {
      extraSpecs: nova.flavor.extra_specs ?? {},
      imageProperties: nova.image.properties ?? {},
      policies: [],
    },
    profile,
    nova.validate_extra_specs !== false,
  );
  checkImageSize(nova);
  checkGuest(settings, { ...sizesOf(nova), policies: [] });
  return settings;
}

const sizesOf = ({ flavor }: NovaCase) => ({ vcpus: flavor.vcpus, memoryMiB: flavor.memory_mb });

export function wantedFromCase(nova: NovaCase, profile: Profile): Wanted {
  const settings = settingsOf(nova, profile);
  const options = new Options(nova.config ?? {});
  const node = nodeConfigFrom(options, profile);
  checkFileBacked(node, nova.host);
  const host = hostFactsFrom(nova.host, options);
  const numa = numaOf(nova, settings, host, node.packCells);
  checkMode(settings);
  const machine = machineFrom(settings, host, node);
  const layout = diskLayout(nova, { settings, node, machine, options });
  return {
    settings,
    ...sizesOf(nova),
    host,
    node,
    identity: identityOf(nova, options, profile),
    machine,
    boot: bootOf(nova, layout, host.accelerator === 'tcg', folderOf(nova.instance.uuid, options, profile)),
    disks: diskPlans(layout, folderOf(nova.instance.uuid, options, profile), settings, options),
    nics: (nova.nics ?? []).map(nicPlan),
    pciDevices: nova.instance.pci_devices ?? [],
    lifecycle: [],
    ...(numa ? { numa } : {}),
    encrypted: encryptionOn(settings, host, machine.type.value),
  };
}

/** @throws GantryError `no_capacity` where the guest’s cells have no room on the host’s */
function numaOf(
  nova: NovaCase,
  settings: Settings,
  host: Wanted['host'],
  pack: boolean,
): NumaPlan | undefined {
  const topology = guestTopology(settings, sizesOf(nova));
  if (!topology) return undefined;
  const cells = fitNuma(topology, host.cells ?? [], { overcommit: host.overcommit, pack });
  if (!cells)
    throw err('no_capacity', {
      name: nova.instance.name,
      why: 'its NUMA cells, pages or pinned CPUs have no room on this host',
      waysOut: 'Ask for fewer cells, CPUs or other pages, or render for another host.',
      nova: 'NoValidHost',
    });
  return { topology, cells };
}

function checkMode(settings: Settings): void {
  const mode = settings.image.get('hw_vm_mode')?.value ?? 'hvm';
  if (mode !== 'hvm') throw refused(`hw_vm_mode=${mode} is not built; guests are hvm`);
}

function identityOf({ instance }: NovaCase, options: Options, profile: Profile): IdentityPlan {
  const secret = instance.system_metadata?.['vtpm_secret_uuid'];
  const folder = folderOf(instance.uuid, options, profile);
  return {
    uuid: instance.uuid,
    name: instance.name,
    consoleLog: `${folder}/console.log`,
    agentSocket: `/var/lib/libvirt/qemu/org.qemu.guest_agent.0.${instance.name}.sock`,
    ...(profile.vncSocket ? { vncSocket: `${folder}/vnc.sock` } : {}),
    ...(secret === undefined ? {} : { tpmSecret: secret }),
  };
}

const folderOf = (uuid: string, options: Options, profile: Profile): string =>
  `${options.text('DEFAULT', 'instances_path') ?? profile.guestsFolder}/${uuid}`;

function bootOf(nova: NovaCase, layout: DiskLayout, emulated: boolean, folder: string): BootPlan {
  const rescue = rescueOf(nova);
  const { kernel_id, ramdisk_id } = nova.instance;
  const suffix = rescue ? '.rescue' : '';
  const kernel = rescue ? rescue.kernel_id : kernel_id;
  const initrd = rescue ? rescue.ramdisk_id : ramdisk_id;
  if (!kernel)
    return rescue ? { kind: 'none' } : { kind: 'disk', devices: bootDevices(layout), origin: byDisk };
  const line = ['root=/dev/', layout.root.name, ' console=tty0 console=ttyS0 console=hvc0'].join('');
  return {
    kind: 'kernel',
    kernel: `${folder}/kernel${suffix}`,
    ...(initrd ? { initrd: `${folder}/ramdisk${suffix}` } : {}),
    // QEMU’s emulated timers fail a check that Linux makes of them.
    commandLine: emulated ? `${line} no_timer_check` : line,
    origin: origin('image', 'kernel_id', 'the image is booted with a kernel of its own'),
  };
}

const byDisk = origin('image', 'boot', 'the firmware boots these kinds of disks, in this order');
const bootKinds: Readonly<Record<string, BootDevice>> = {
  disk: 'hd',
  lun: 'hd',
  cdrom: 'cdrom',
  floppy: 'fd',
};

function bootDevices({ local, volumes }: DiskLayout): BootDevice[] {
  const ordered = [...local, ...volumes]
    .filter((place) => place.boot !== undefined)
    .sort((a, b) => (a.boot ?? 0) - (b.boot ?? 0));
  return [...new Set(ordered.map((place) => bootKinds[place.device] ?? 'hd'))];
}
