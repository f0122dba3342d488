/** Option values of several parts. Refusals say what was read and what is wanted. */
import { readFileSync } from 'node:fs';
import { err, nearest, parseBytes, parseMiB } from '@gantry/model';

const bad = (text: string, wanted: string) =>
  err('invalid_argument', { what: JSON.stringify(text.slice(0, 128)), wanted });

/** A whole number. @throws GantryError `invalid_argument` */
export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw bad(text, 'a whole number');
  return Number(text);
}

/** yes/no in the words people use. @throws GantryError `invalid_argument` */
export function parseYesNo(text: string): boolean {
  if (/^(yes|on|true)$/i.test(text)) return true;
  if (/^(no|off|false)$/i.test(text)) return false;
  throw bad(text, 'yes or no');
}

/** `key=value`; the value may hold further signs of equality. @throws GantryError `invalid_argument` */
export function parsePair(text: string): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw bad(text, 'KEY=VALUE');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Repeated `key=value` as one map. @throws GantryError `invalid_argument` when a key comes twice with other values */
export function parsePairs(texts: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [key, value] of texts.map(parsePair)) {
    if (Object.hasOwn(map, key) && map[key] !== value)
      throw bad(`${key}=${value}`, `one value for ${key}, not two`);
    map[key] = value;
  }
  return map;
}

/**
 * `a,k=v,k2=v2`: one bare word first, if `bare` names its key, then pairs.
 * @throws GantryError `invalid_argument`, with the nearest key to a mistyped one
 */
export function parseParts(text: string, keys: readonly string[], bare?: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (const [i, part] of text.split(',').entries()) {
    const [key, value] =
      i === 0 && bare !== undefined && !part.includes('=') ? [bare, part] : parsePair(part);
    if (!keys.includes(key)) {
      const close = nearest(key, keys);
      throw bad(key, `one of ${keys.join(', ')}${close ? ` (did you mean ${close}?)` : ''}`);
    }
    if (Object.hasOwn(parts, key)) throw bad(text, `${key} only once`);
    parts[key] = value;
  }
  return parts;
}

/** `10G`, `10G,template=file-raw`. @throws GantryError `invalid_argument` */
export function parseDisk(text: string): { sizeMiB: number; template?: never } {
  const parts = parseParts(text, ['size', 'template'], 'size');
  if (parts['size'] === undefined) throw bad(text, 'SIZE[,template=TEMPLATE], such as 10G');
  // The API refuses templates that it does not know, and names those it does.
  const template = parts['template'] as never;
  return { sizeMiB: parseMiB(parts['size']), ...(template === undefined ? {} : { template }) };
}

export interface NicWish {
  network: string;
  address?: string;
  mac?: string;
  model?: never;
  filter?: 'on' | 'off';
  allow?: string[];
}

export const nicForm =
  'NETWORK[,ip=ADDRESS|pool|none][,ip6=ADDRESS|pool|none][,mac=MAC][,model=MODEL][,allow=SOURCE+SOURCE...][,filter=on|off]';

/** `NETWORK`, `network=gruen97,ip=172.28.97.234,mac=52:54:00:...`. @throws GantryError `invalid_argument` */
export function parseNic(text: string): NicWish {
  const parts = parseParts(
    text,
    ['network', 'ip', 'ip6', 'address', 'mac', 'model', 'filter', 'allow'],
    'network',
  );
  const { network, ip, ip6, mac, model, filter, allow } = parts;
  const address = ip ?? parts['address'];
  if (network === undefined) throw bad(text, nicForm);
  if (filter !== undefined && filter !== 'on' && filter !== 'off') throw bad(text, nicForm);
  return {
    network,
    ...(address ? { address } : {}),
    ...(ip6 ? { address6: ip6.toLowerCase() } : {}),
    ...(mac ? { mac: mac.toLowerCase() } : {}),
    // The API refuses models that it does not know, and names those it does.
    ...(model ? { model: model as never } : {}),
    ...(filter ? { filter } : {}),
    ...(allow ? { allow: allow.toLowerCase().split('+') } : {}),
  };
}

/** `PROVIDER` or Ganeti's `PROVIDER+VARIANT`. */
export function parseOs(text: string, parameters: Record<string, string>) {
  const [provider = '', variant] = text.split('+', 2);
  const given = Object.keys(parameters).length > 0;
  return { provider, ...(variant ? { variant } : {}), ...(given ? { parameters } : {}) };
}

/** A public key itself, or a file with one a line. @throws GantryError `invalid_argument` */
export function parseSshKeys(text: string): string[] {
  if (/^\S+ AAAA/.test(text)) return [text.trim()];
  const lines = readText(text)
    .split('\n')
    .map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.some((key) => key.includes('PRIVATE KEY')))
    throw bad(text, 'a file with public keys; this one holds a private key');
  if (keys.length === 0) throw bad(text, 'a public key or a file with public keys');
  return keys;
}

/** A small text file. @throws GantryError `invalid_argument` */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw bad(path, `a file that can be read (${(error as NodeJS.ErrnoException).code ?? 'failed'})`);
  }
}

/** Bytes per time of virtio-rng: `24B/5s` to Nova's two extra specs. @throws GantryError `invalid_argument` */
export function parseRngRate(text: string): { 'hw_rng:rate_bytes': string; 'hw_rng:rate_period': string } {
  const match = /^(\d+\s*[BKMG](?:iB)?)\/(\d+(?:\.\d+)?)?\s*(ms|s|m|h)$/.exec(text);
  const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[3] as 's'];
  if (!match?.[1] || unitMs === undefined)
    throw bad(text, 'bytes per time with both units, such as 24B/5s or 1K/s');
  const periodMs = Number(match[2] ?? 1) * unitMs;
  if (!Number.isInteger(periodMs) || periodMs < 1) throw bad(text, 'a period of whole milliseconds');
  return { 'hw_rng:rate_bytes': String(parseBytes(match[1])), 'hw_rng:rate_period': String(periodMs) };
}
