/**
 * Refusals of settings and guests. `nova` names Nova's exception class of the same meaning, so that people who come
 * from Nova find their way; it travels in the parameters of the error and is in no message.
 */
import { err, type GantryError } from '@gantry/model';

/** A value as it may be shown: quoted where it is not plain, and shortened. */
export const shown = (text: string): string => {
  const short = text.length > 64 ? `${text.slice(0, 61)}...` : text;
  return /^[\x21-\x7e]+$/.test(short) ? short : JSON.stringify(short);
};

/** One value, by itself or beside others, is not valid. */
export const invalid = (key: string, value: string, why: string, nova = 'ValidationError'): GantryError =>
  err('invalid_property', { key, value: shown(value), why, nova });

/** Flavor and image say different things about the same hardware. */
export const conflict = (
  key: string,
  flavor: string | number | boolean,
  image: string | number | boolean,
  nova = 'FlavorImageConflict',
): GantryError =>
  err('property_conflict', { key, flavor: shown(String(flavor)), image: shown(String(image)), nova });

/** The guest cannot be built as asked, on that host or anywhere. */
export const refused = (why: string, nova?: string): GantryError =>
  err('guest_refused', nova === undefined ? { why } : { why, nova });

/** The node's own configuration is wrong, whatever the guest. */
export const nodeUnfit = (why: string, remedy: string, nova = 'Invalid'): GantryError =>
  err('host_unfit', { why, remedy, nova });
