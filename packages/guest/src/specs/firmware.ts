/** hw_firmware_type, hw_firmware_stateless, os:secure_boot: which firmware starts the guest. */

import type { NodeFirmware } from '@gantry/model';
import { type Firmware, firmware } from '../elements/firmware.ts';
import type { HostFacts } from '../host-facts.ts';
import { builtin, type Origin } from '../origin.ts';
import { invalid, refused } from '../refusal.ts';
import type { MachinePlan, Wanted } from '../wanted.ts';
import { agreed, because, type Settings, wordOf } from './settings.ts';

type SecureBoot = 'required' | 'disabled' | 'optional';

/** The chosen firmware, and whether it needs system management mode; undefined: the machine’s own BIOS. */
export interface ChosenFirmware {
  readonly element: Firmware;
  readonly needsSmm: boolean;
}

/** @throws GantryError `property_conflict` */
export const secureBootFrom = (settings: Settings) =>
  agreed<SecureBoot>(settings, 'os:secure_boot', 'os_secure_boot');

/** @throws GantryError `guest_refused` when the node has no firmware of that kind */
export function firmwareFrom(wanted: Wanted): ChosenFirmware | undefined {
  const by = uefiOrigin(wanted);
  if (!by) return undefined;
  const { host, machine, settings, identity } = wanted;
  if (!host.uefi) throw refused('the node has no UEFI firmware; install OVMF there', 'UEFINotSupported');
  const secure = isSecure(settings, host, machine);
  const stateless = settings.image.get('hw_firmware_stateless')?.value === true;
  if (!host.firmware)
    return {
      element: firmware({ secure, stateless, origin: by }),
      needsSmm: secure && machine.architecture === 'x86_64',
    };
  const found = findFirmware(host, host.firmware, machine, secure);
  if (!found)
    throw secure
      ? refused(`the node has no Secure Boot firmware for ${machine.type.value}`, 'SecureBootNotSupported')
      : refused(`the node has no UEFI firmware for ${machine.type.value}`, 'UEFINotSupported');
  const variables = stateless ? undefined : found.variables;
  return {
    element: firmware({
      file: { loader: found.loader, ...(variables === undefined ? {} : { variables }) },
      secure,
      stateless,
      ...(stateless || identity.variables === undefined ? {} : { variables: identity.variables }),
      origin: by,
    }),
    needsSmm: found.features.includes('requires-smm'),
  };
}

function uefiOrigin({ settings, machine }: Wanted): Origin | undefined {
  const type = wordOf<'bios' | 'uefi'>(settings, 'image', 'hw_firmware_type');
  if (type) return type.value === 'uefi' ? because(type, 'the image needs UEFI').origin : undefined;
  return settings.profile.uefiArchitectures.includes(machine.architecture)
    ? builtin('hw_firmware_type', `machines of ${machine.architecture} boot by UEFI`)
    : undefined;
}

function isSecure(settings: Settings, host: HostFacts, machine: MachinePlan): boolean {
  const asked = secureBootFrom(settings)?.value;
  if (asked !== 'required' && asked !== 'optional') return false;
  const can = host.secureBoot && hasSmm(machine.architecture, machine.type.value);
  if (asked === 'required' && !can)
    throw refused(
      host.secureBoot
        ? `Secure Boot on ${machine.architecture} needs a q35 machine, and this one is ${machine.type.value}; set hw_machine_type=q35`
        : 'the node has no Secure Boot firmware',
      'SecureBootNotSupported',
    );
  return can;
}

const hasSmm = (architecture: string, machine: string): boolean =>
  architecture !== 'x86_64' || machine.includes('q35');

/** The first descriptor, in the host’s order, for that machine and kind. */
function findFirmware(
  host: HostFacts,
  descriptors: readonly NodeFirmware[],
  { type, architecture }: MachinePlan,
  secure: boolean,
): NodeFirmware | undefined {
  const alias = host.machineAliases[type.value];
  return descriptors.find(
    (candidate) =>
      candidate.architecture === architecture &&
      candidate.machines.some((glob) => matchesMachine(glob, type.value, alias)) &&
      candidate.features.includes('secure-boot') === secure,
  );
}

/** `pc-q35-*` against q35, whose versioned name may be known. */
const matchesMachine = (glob: string, machine: string, alias: string | undefined): boolean =>
  globMatches(glob, alias ?? machine) || (alias === undefined && glob === `${machine}-*`);

const globMatches = (glob: string, text: string): boolean => {
  const [head, ...rest] = glob.split('*');
  if (rest.length === 0) return glob === text;
  return text.startsWith(head ?? '') && text.endsWith(rest.at(-1) ?? '') && text.length >= glob.length - 1;
};

/**
 * What needs no host: Secure Boot is a matter of UEFI, and on x86 of q35.
 * @throws GantryError `property_conflict`, `invalid_property`
 */
export function checkFirmware(settings: Settings, machine: string | undefined): void {
  const secure = secureBootFrom(settings);
  const type = wordOf<string>(settings, 'image', 'hw_firmware_type');
  const stateless = settings.image.get('hw_firmware_stateless');
  if (!settings.profile.refuseIneffective) return;
  if (secure?.value === 'required' && type?.value !== 'uefi')
    throw invalid(secure.source, 'required', 'it needs an image with hw_firmware_type=uefi');
  if (secure?.value === 'required' && machine !== undefined && /^(pc|pc-i440fx.*)$/.test(machine))
    throw invalid(secure.source, 'required', `it needs a q35 machine, and this one is ${machine}`);
  if (stateless?.value === true && type?.value !== 'uefi')
    throw invalid('hw_firmware_stateless', 'true', 'it needs hw_firmware_type=uefi');
}
