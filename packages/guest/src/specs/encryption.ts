/** hw:mem_encryption: AMD SEV. */
import { type LaunchSecurity, launchSecurity } from '../elements/launch-security.ts';
import type { HostFacts } from '../host-facts.ts';
import { origin } from '../origin.ts';
import { conflict, invalid, refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { agreed, type Settings } from './settings.ts';

/**
 * Asked for: needs UEFI, and a q35 machine where one is known.
 * @throws GantryError `property_conflict`, `invalid_property`
 */
export function encryptionAsked(settings: Settings, machine: string | undefined): boolean {
  const asked = agreed<boolean>(settings, 'hw:mem_encryption', 'hw_mem_encryption');
  const model = agreed<string>(settings, 'hw:mem_encryption_model', 'hw_mem_encryption_model');
  if (model && !asked?.value && settings.profile.refuseIneffective)
    throw invalid(model.source, model.value, 'it needs hw:mem_encryption=true');
  if (!asked?.value) return false;
  const firmware = settings.image.get('hw_firmware_type')?.value;
  if (firmware !== 'uefi')
    throw conflict('hw_firmware_type', 'uefi (for hw:mem_encryption)', String(firmware ?? 'not set'));
  if (machine !== undefined && !machine.includes('q35'))
    throw invalid('hw_machine_type', machine, 'hw:mem_encryption needs a q35 machine', 'InvalidMachineType');
  if (model && model.value !== 'amd-sev') throw invalid(model.source, model.value, 'only amd-sev is built');
  return true;
}

/** @throws GantryError `guest_refused` on a host without SEV, rather than running unencrypted there */
export function encryptionOn(settings: Settings, host: HostFacts, machine: string): boolean {
  if (!encryptionAsked(settings, host.sev ? machine : undefined)) return false;
  if (!host.sev)
    throw refused(
      `hw:mem_encryption needs a node with AMD SEV, and this one cannot: ${host.lacks.memoryEncryption ?? 'it has none'}`,
      'MissingDomainCapabilityFeatureException',
    );
  return true;
}

export const launchSecurityFrom = ({ encrypted, host }: Wanted): LaunchSecurity | undefined =>
  encrypted && host.sev
    ? launchSecurity({
        ...host.sev,
        origin: origin('flavor', 'hw:mem_encryption', 'the host cannot read the guest’s memory'),
      })
    : undefined;
