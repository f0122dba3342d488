/**
 * The checks that need no host: made at the API when flavor, image or instance is written, and again before compiling.
 * The order of those that compare flavor and image is Nova’s, so that of several mistakes the same one is named.
 */
import { type GuestInput, mostVcpus } from '@gantry/model';
import { pciAffinity, realtimeCpus } from '../numa/cpu-policy.ts';
import { guestTopology } from '../numa/guest-cells.ts';
import { gantryProfile } from '../profiles.ts';
import { invalid } from '../refusal.ts';
import { checkCdBus } from './cd-bus.ts';
import { checkMaxPhysAddr } from './cpu.ts';
import { checkDiskQuota } from './disk.ts';
import { encryptionAsked } from './encryption.ts';
import { pmuSetting } from './features.ts';
import { checkFirmware } from './firmware.ts';
import { machineSetting } from './machine.ts';
import { lockedSetting } from './memory-backing.ts';
import { checkNicModel, checkNicQuota, multiqueue } from './nic.ts';
import { checkPolicy } from './policy.ts';
import { checkRescue } from './rescue.ts';
import { checkRng } from './rng.ts';
import { checkRoom } from './room.ts';
import { askedPorts } from './serial.ts';
import { readSettings, type Settings, wordOf } from './settings.ts';
import { checkTopology } from './topology.ts';
import { tpmSetting } from './tpm.ts';
import { packedRing } from './virtio.ts';

type Pairs = Readonly<Record<string, string>>;

/**
 * A flavor’s extra specs, by themselves.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export function checkExtraSpecs(specs: Pairs): void {
  checkLimits(readSettings({ extraSpecs: specs, imageProperties: {}, policies: [] }, gantryProfile));
}

/**
 * An image’s properties, by themselves.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export function checkImageProperties(properties: Pairs): void {
  const settings = readSettings({ extraSpecs: {}, imageProperties: properties, policies: [] }, gantryProfile);
  checkBus(settings, machineSetting(settings)?.value);
  checkCdBus(settings, machineSetting(settings)?.value);
  checkFirmware(settings, machineSetting(settings)?.value);
  checkNicModel(settings);
  checkRescue(settings);
}

/** What an instance is about to be. */
export type Combination = Sizes & Pick<GuestInput, 'extraSpecs' | 'imageProperties'>;

/** The memory of a flavor that is not yet chosen is not known. */
type Sizes = Pick<GuestInput, 'vcpus' | 'policies' | 'maxVcpus' | 'maxMemoryMiB'> &
  Partial<Pick<GuestInput, 'memoryMiB'>>;

/**
 * Flavor, image and policies together.
 * @throws GantryError as above, and `property_conflict`
 */
export function checkGuest(settings: Settings, wanted: Sizes): void {
  checkLimits(settings);
  checkAgreement(settings, wanted);
  checkRequest(settings);
  const machine = machineSetting(settings)?.value;
  checkPolicy(wanted.policies);
  checkBus(settings, machine);
  checkCdBus(settings, machine);
  checkFirmware(settings, machine);
  checkNicModel(settings);
  checkMaxPhysAddr(settings);
  packedRing(settings);
}

/** Limits that would have no effect, or that libvirt refuses. */
function checkLimits(settings: Settings): void {
  checkRng(settings);
  checkDiskQuota(settings);
  checkNicQuota(settings);
}

/** Flavor against image. */
function checkAgreement(settings: Settings, wanted: Sizes): void {
  const { vcpus, memoryMiB } = wanted;
  encryptionAsked(settings, wordOf<string>(settings, 'image', 'hw_machine_type')?.value);
  pmuSetting(settings);
  askedPorts(settings);
  realtimeCpus(settings, vcpus);
  checkTopology(settings.flavor, settings.image, mostVcpus(wanted));
  multiqueue(settings, vcpus);
  guestTopology(settings, { vcpus, memoryMiB: memoryMiB ?? 0 });
  lockedSetting(settings);
  checkRoom(settings, wanted);
}

/** What Nova finds only when it asks placement. */
function checkRequest(settings: Settings): void {
  tpmSetting(settings);
  pciAffinity(settings);
}

/** A q35 machine has no IDE. */
function checkBus(settings: Settings, machine: string | undefined): void {
  const bus = settings.image.get('hw_disk_bus');
  if (bus?.value === 'ide' && machine !== undefined && /^(pc-)?q35/.test(machine))
    throw invalid(
      'hw_disk_bus',
      'ide',
      `a ${machine} machine has no IDE; use sata or virtio`,
      'UnsupportedHardware',
    );
}
