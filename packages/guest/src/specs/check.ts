/** The checks that need no host: made at the API when flavor, image or instance is written, and again before compiling. */
import type { GuestInput } from '@gantry/model';
import { gantryProfile } from '../profiles.ts';
import { checkPmu } from './features.ts';
import { machineSetting } from './machine.ts';
import { checkPolicy } from './policy.ts';
import { invalid, readExtraSpecs, readImageProperties, type Values } from './read.ts';
import { checkRng } from './rng.ts';
import { readSettings, type Settings } from './settings.ts';
import { checkTopology } from './topology.ts';

type Pairs = Readonly<Record<string, string>>;

/**
 * A flavor's extra specs, by themselves.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export function checkExtraSpecs(specs: Pairs): void {
  checkRng(readExtraSpecs(specs));
}

/**
 * An image's properties, by themselves.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export function checkImageProperties(properties: Pairs): void {
  checkBus(readImageProperties(properties).get('hw_disk_bus'), properties['hw_machine_type']);
}

/** What an instance is about to be. */
export type Combination = Pick<GuestInput, 'vcpus' | 'extraSpecs' | 'imageProperties' | 'policies'>;

/**
 * Flavor, image and policies together.
 * @throws GantryError as above, and `property_conflict`
 */
export function checkCombination(wanted: Combination): void {
  checkGuest(readSettings(wanted, gantryProfile), wanted);
}

/** The same for settings already read. */
export function checkGuest(settings: Settings, wanted: Pick<Combination, 'vcpus' | 'policies'>): void {
  const { flavor, image } = settings;
  checkRng(flavor);
  checkPmu(flavor, image);
  checkTopology(flavor, image, wanted.vcpus);
  checkPolicy(wanted.policies);
  checkBus(image.get('hw_disk_bus'), machineSetting(settings)?.value);
}

/** A q35 machine has no IDE. */
function checkBus(bus: ReturnType<Values['get']>, machine: string | undefined): void {
  if (bus?.value === 'ide' && machine !== undefined && /^(pc-)?q35/.test(machine))
    throw invalid('hw_disk_bus', 'ide', `a ${machine} machine has no IDE; use sata or virtio`);
}
