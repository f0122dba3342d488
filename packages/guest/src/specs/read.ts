/** Extra specs and image properties as typed values. What is not valid, not known or not built is refused here. */
import { type ErrorCode, err, type GantryError, nearest } from '@gantry/model';
import { gantryProfile, type Profile } from '../profiles.ts';
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

/**
 * A flavor's extra specs.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export const readExtraSpecs = (specs: Readonly<Record<string, string>>): Values =>
  readAll(flavorVocabulary, specs, { strictBooleans: true, strictKeys: true });

/**
 * An image's properties.
 * @throws GantryError `unknown_property`, `invalid_property`, `property_not_supported`
 */
export const readImageProperties = (
  properties: Readonly<Record<string, string>>,
  profile: Profile = gantryProfile,
): Values =>
  readAll(imageVocabulary, properties, {
    strictBooleans: profile.strictImageBooleans,
    strictKeys: profile.strictImageKeys,
  });

/** The row of a key or of one of its older names, in either vocabulary. */
export const findKey = (name: string): Key | undefined =>
  lookUp(flavorVocabulary, name) ?? lookUp(imageVocabulary, name);

const lookUp = (words: Vocabulary, name: string): Key | undefined =>
  words.byName.get(name) ?? words.patterns.find((key) => key.pattern?.test(name));

interface Strictness {
  strictBooleans: boolean;
  strictKeys: boolean;
}

function readAll(
  words: Vocabulary,
  pairs: Readonly<Record<string, string>>,
  how: Strictness,
): Map<string, Read> {
  const values = new Map<string, Read>();
  for (const [name, raw] of Object.entries(pairs)) {
    const key = lookUp(words, name);
    if (!key) {
      if (how.strictKeys && words.claims(name)) throw unknown(words, name);
      continue;
    }
    const id = key.pattern ? name : key.key;
    // The key itself wins over its older names, in whatever order they come.
    if (name !== id && id in pairs) continue;
    values.set(id, { value: readValue(key, name, raw, how.strictBooleans), source: name });
  }
  return values;
}

function readValue(key: Key, name: string, raw: string, strict: boolean): Value {
  const value = parse(key.value, name, raw, strict);
  if (key.state === 'later' && !key.harmless?.includes(String(value)))
    throw err('property_not_supported', { key: name, why: key.doc });
  return value;
}

function parse(type: KeyType, name: string, raw: string, strict: boolean): Value {
  switch (type.type) {
    case 'boolean':
      return parseBoolean(name, raw, strict);
    case 'integer':
      return parseInteger(type, name, raw);
    case 'word':
      return parseWord(type, name, raw);
    case 'text':
      if (!type.pattern.test(raw)) throw invalid(name, raw, `it is not ${type.wanted}`);
      return raw;
  }
}

const yes = new Set(['1', 't', 'true', 'on', 'y', 'yes']);
const no = new Set(['0', 'f', 'false', 'off', 'n', 'no']);

function parseBoolean(name: string, raw: string, strict: boolean): boolean {
  const word = raw.toLowerCase();
  if (yes.has(word)) return true;
  if (no.has(word) || !strict) return false;
  throw invalid(name, raw, 'it is neither true (1, t, on, y, yes) nor false (0, f, off, n, no)');
}

function parseInteger(type: Extract<KeyType, { type: 'integer' }>, name: string, raw: string): number {
  const value = /^-?\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
  if (!(value >= type.min && value <= type.max))
    throw invalid(name, raw, `it is not a whole number from ${type.min} to ${type.max}`);
  return value;
}

function parseWord(type: Extract<KeyType, { type: 'word' }>, name: string, raw: string): string {
  const lower = raw.toLowerCase();
  const word = ownEntry(type.aliases, lower) ?? (type.anyCase ? lower : raw);
  const reason = ownEntry(type.refused, word);
  if (reason) throw invalid(name, raw, reason);
  if (!type.words.includes(word)) throw invalid(name, raw, `it is not one of ${type.words.join(', ')}`);
  return word;
}

/** A table's entry, never one of Object.prototype: the key is somebody's input. */
const ownEntry = (table: Readonly<Record<string, string>> | undefined, key: string): string | undefined =>
  table && Object.hasOwn(table, key) ? table[key] : undefined;

function unknown(words: Vocabulary, name: string): GantryError {
  const close = nearest(name, words.byName.keys());
  return err('unknown_property', {
    kind: words.kind,
    key: shown(name),
    suggestion: close ? ` (did you mean ${close}?)` : '',
  });
}

/** A refusal of one value, with the value shortened and quoted. */
export const invalid = (key: string, value: string, why: string): GantryError =>
  err('invalid_property' satisfies ErrorCode, { key, value: shown(value), why });

const shown = (text: string): string => {
  const short = text.length > 64 ? `${text.slice(0, 61)}...` : text;
  return /^[\x21-\x7e]+$/.test(short) ? short : JSON.stringify(short);
};
