/** Everything that decides about a guest's hardware, read and typed, with the level that each value comes from. */
import type { GuestInput } from '@gantry/model';
import { type Decided, decided, type Level, origin } from '../origin.ts';
import type { Profile } from '../profiles.ts';
import { conflict } from '../refusal.ts';
import { type EffectivePolicy, resolvePolicy } from './policy.ts';
import { type Read, readExtraSpecs, readImageProperties, type Values } from './read.ts';

export interface Settings {
  readonly flavor: Values;
  readonly image: Values;
  readonly policy: EffectivePolicy;
  readonly profile: Profile;
}

/** @throws GantryError when a value is not valid, not known or not built */
export const readSettings = (
  input: Pick<GuestInput, 'extraSpecs' | 'imageProperties' | 'policies'>,
  profile: Profile,
  checked = true,
): Settings => ({
  flavor: readExtraSpecs(input.extraSpecs, profile, checked),
  image: readImageProperties(input.imageProperties, profile),
  policy: resolvePolicy(input.policies),
  profile,
});

/** One value with its level and the name it was written under. */
export interface Found<T> {
  readonly value: T;
  readonly level: Level;
  readonly source: string;
}

type Vocabulary = 'flavor' | 'image';

const find = (settings: Settings, where: Vocabulary, key: string): (Read & { level: Level }) | undefined => {
  const read = settings[where].get(key);
  return read && { ...read, level: where };
};

export function booleanOf(settings: Settings, where: Vocabulary, key: string): Found<boolean> | undefined {
  const found = find(settings, where, key);
  return typeof found?.value === 'boolean' ? (found as Found<boolean>) : undefined;
}

export function integerOf(settings: Settings, where: Vocabulary, key: string): Found<number> | undefined {
  const found = find(settings, where, key);
  return typeof found?.value === 'number' ? (found as Found<number>) : undefined;
}

/** The caller names the words that the table of keys allows there. */
export function wordOf<W extends string>(
  settings: Settings,
  where: Vocabulary,
  key: string,
): Found<W> | undefined {
  const found = find(settings, where, key);
  return typeof found?.value === 'string' ? (found as unknown as Found<W>) : undefined;
}

type Scalar = boolean | number | string;

/**
 * A setting that flavor and image must agree on, and the flavor's word for it.
 * @throws GantryError `property_conflict`
 */
export function agreed<T extends Scalar>(
  settings: Settings,
  flavorKey: string,
  imageKey: string,
): Found<T> | undefined {
  const flavor = find(settings, 'flavor', flavorKey);
  const image = find(settings, 'image', imageKey);
  if (flavor && image && flavor.value !== image.value) throw conflict(flavorKey, flavor.value, image.value);
  return (flavor ?? image) as Found<T> | undefined;
}

/** A found value as a decision. */
export const because = <T>(found: Found<T>, rule: string): Decided<T> =>
  decided(found.value, origin(found.level, found.source, rule));

/** The image's os_type where it is Windows. */
export function windowsFrom(settings: Settings): Found<'windows'> | undefined {
  const system = wordOf<'windows'>(settings, 'image', 'os_type');
  return system?.value === 'windows' ? system : undefined;
}
