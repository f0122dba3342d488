/** Extra specs and image properties as typed values. What is not valid, not known or not built is refused here. */
import { err, type GantryError, nearest } from '@gantry/model';
import { gantryProfile, type Profile } from '../profiles.ts';
import { invalid, shown } from '../refusal.ts';
import { flavorKeys, flavorNamespaces } from './flavor-keys.ts';
import { imageKeys, imagePrefixes } from './image-keys.ts';
import type { Key, KeyType } from './key.ts';

export type Value = string | number | boolean;

export interface Read {
  readonly value: Value;
  /** The name as it was written, which may be an older one. */
  readonly source: string;
}

/** Values by the key's own name. */
export type Values = ReadonlyMap<string, Read>;

/** One of the two vocabularies. */
interface Vocabulary {
  readonly kind: 'flavor' | 'image';
  readonly byName: ReadonlyMap<string, Key>;
  readonly patterns: readonly Key[];
  /** Is an unknown key of this name refused? */
  readonly claims: (key: string) => boolean;
}

const vocabulary = (
  kind: Vocabulary['kind'],
  keys: readonly Key[],
  claims: Vocabulary['claims'],
): Vocabulary => ({
  kind,
  byName: new Map(keys.flatMap((k) => [k.key, ...(k.aliases ?? [])].map((name) => [name, k] as const))),
  patterns: keys.filter((k) => k.pattern),
  claims,
});

const namespaces: ReadonlySet<string> = new Set(flavorNamespaces);
const flavorVocabulary = vocabulary('flavor', flavorKeys, (key) => {
  const namespace = /^([a-z_]+)\w*:/.exec(key)?.[1];
  return namespace !== undefined && namespaces.has(namespace);
});
const imageVocabulary = vocabulary('image', imageKeys, (key) =>
  imagePrefixes.some((prefix) => key.startsWith(prefix)),
);

type Pairs = Readonly<Record<string, string>>;

/**
 * A flavor's extra specs. With `checked` false Nova's validator was passed by: bad booleans mean no, unknown keys
 * nothing, and other bad values are refused where they are used, with another class.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export const readExtraSpecs = (specs: Pairs, profile: Profile = gantryProfile, checked = true): Values =>
  readAll(flavorVocabulary, specs, {
    strictBooleans: checked,
    strictKeys: checked,
    strictNames: profile.strictNames,
    trim: profile.trimValues,
    acceptLater: profile.acceptLater,
    nova: (key) => (checked ? 'ValidationError' : (key.nova ?? 'ValidationError')),
  });

/**
 * An image's properties.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export const readImageProperties = (properties: Pairs, profile: Profile = gantryProfile): Values =>
  readAll(imageVocabulary, withAdapter(properties), {
    strictBooleans: profile.strictImageBooleans,
    strictKeys: profile.strictImageKeys,
    strictNames: profile.strictNames,
    trim: profile.trimValues,
    acceptLater: profile.acceptLater,
    nova: (key) => key.nova ?? 'InvalidRequest',
  });

/** An older name that stands for two: the adapter of a VMware image says bus and controller. */
function withAdapter(properties: Pairs): Pairs {
  const adapter = properties['vmware_adaptertype'];
  if (adapter === undefined) return properties;
  const meaning: Pairs =
    adapter === 'ide' ? { hw_disk_bus: 'ide' } : { hw_disk_bus: 'scsi', hw_scsi_model: adapter };
  return { ...meaning, ...properties };
}

/** The row of a key or of one of its older names, in either vocabulary. */
export const findKey = (name: string): Key | undefined =>
  lookUp(flavorVocabulary, name) ?? lookUp(imageVocabulary, name);

const lookUp = (words: Vocabulary, name: string): Key | undefined =>
  words.byName.get(name) ?? words.patterns.find((key) => key.pattern?.test(name));

interface Reading {
  strictBooleans: boolean;
  strictKeys: boolean;
  strictNames: boolean;
  trim: boolean;
  acceptLater: boolean;
  /** Nova's class for a bad value of that key. */
  nova: (key: Key) => string;
}

function readAll(vocabulary: Vocabulary, pairs: Pairs, how: Reading): Map<string, Read> {
  const values = new Map<string, Read>();
  for (const name in pairs) {
    const raw = pairs[name];
    if (raw === undefined || !Object.hasOwn(pairs, name)) continue;
    const key = lookUp(vocabulary, name);
    if (!key) {
      if (isClaimed(vocabulary, name, how)) throw unknown(vocabulary, name);
      continue;
    }
    const id = key.pattern ? name : key.key;
    // The key itself wins over its older names, in whatever order they come.
    if (name !== id && id in pairs) continue;
    values.set(id, { value: readValue(key, name, raw, how), source: name });
  }
  return values;
}

/** Is an unknown key of that name somebody’s mistake, rather than an operator’s own key? */
function isClaimed(words: Vocabulary, name: string, { strictKeys, strictNames }: Reading): boolean {
  if (strictKeys && words.claims(name)) return true;
  return strictNames && (words.claims(name.toLowerCase()) || lookUp(otherThan(words), name) !== undefined);
}

const otherThan = ({ kind }: Vocabulary): Vocabulary =>
  kind === 'flavor' ? imageVocabulary : flavorVocabulary;

function readValue(key: Key, name: string, raw: string, how: Reading): Value {
  const value = parse(key, name, raw, how);
  if (key.state === 'later' && !how.acceptLater && !key.harmless?.includes(String(value)))
    throw err('property_not_supported', { key: name, why: key.missing ?? key.doc });
  return value;
}

function parse(key: Key, name: string, raw: string, how: Reading): Value {
  const type = key.value;
  const bad = (why: string) => invalid(name, raw, why, how.nova(key));
  switch (type.type) {
    case 'boolean':
      return parseBoolean(how.trim ? raw.trim() : raw, how.strictBooleans, bad);
    case 'integer':
      return parseInteger(type, how.trim ? raw.trim() : raw, bad);
    case 'word':
      return parseWord(type, name, raw, bad);
    case 'text':
      if (!type.pattern.test(raw)) throw bad(`it is not ${type.wanted}`);
      return raw;
  }
}

type Bad = (why: string) => GantryError;

const yes = new Set(['1', 't', 'true', 'on', 'y', 'yes']);
const no = new Set(['0', 'f', 'false', 'off', 'n', 'no']);

function parseBoolean(raw: string, strict: boolean, bad: Bad): boolean {
  const word = raw.toLowerCase();
  if (yes.has(word)) return true;
  if (no.has(word) || !strict) return false;
  throw bad('it is neither true (1, t, on, y, yes) nor false (0, f, off, n, no)');
}

function parseInteger(type: Extract<KeyType, { type: 'integer' }>, raw: string, bad: Bad): number {
  const value = /^-?\d{1,16}$/.test(raw) ? Number(raw) : Number.NaN;
  if (!(value >= type.min && value <= type.max))
    throw bad(`it is not a whole number from ${type.min} to ${type.max}`);
  return value;
}

function parseWord(type: Extract<KeyType, { type: 'word' }>, name: string, raw: string, bad: Bad): string {
  // the Kelvin sign is a k in lower case
  const lower = /^[ -~]*$/.test(raw) ? raw.toLowerCase() : raw;
  const word = ownEntry(type.aliases, lower) ?? (type.anyCase ? lower : raw);
  const no = ownEntry(type.refused, word);
  if (no) throw invalid(name, raw, no.why, no.nova);
  if (!type.words.includes(word)) throw bad(`it is not one of ${type.words.join(', ')}`);
  return word;
}

/** A table's entry, never one of Object.prototype: the key is somebody's input. */
const ownEntry = <T>(table: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  table && Object.hasOwn(table, key) ? table[key] : undefined;

function unknown(words: Vocabulary, name: string): GantryError {
  const twin = lookUp(otherThan(words), name)?.twin?.key;
  const close = twin ?? nearest(name.toLowerCase(), words.byName.keys());
  return err('unknown_property', {
    kind: words.kind,
    key: shown(name),
    suggestion: close ? ` (did you mean ${close}?)` : '',
    nova: 'ValidationError',
  });
}
