/** Bad values of every key, and values made to break out: none reaches a domain. */
import { type GuestInput, isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guestInput, hostContext } from '../../test/fixtures.ts';
import { compileGuest, renderDomain } from '../compile.ts';
import { gantryProfile, novaProfile } from '../profiles.ts';
import { elements, type XmlElement } from '../xml/element.ts';
import { parseXml } from '../xml/parser.ts';
import { checkExtraSpecs, checkImageProperties } from './check.ts';
import { flavorKeys } from './flavor-keys.ts';
import { imageKeys } from './image-keys.ts';
import type { Key } from './key.ts';
import { readExtraSpecs, readImageProperties } from './read.ts';

const refusal = (attempt: () => unknown): string => {
  try {
    attempt();
    return 'accepted';
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
};

/** A name that the row’s pattern accepts. */
const nameOf = ({ key, pattern }: Key): string =>
  pattern
    ? key.replace(/N$/, '0').replace('CLASS', 'CUSTOM_X').replace('NAME', 'CUSTOM_X').replace('KEY', 'x')
    : key;

/** A value that the key accepts. */
function goodValue({ value }: Key): string {
  if (value.type === 'boolean') return 'true';
  if (value.type === 'integer') return String(Math.max(value.min, 1));
  if (value.type === 'word') return value.words[0] ?? '';
  return ['0-3', 'large', 'q35', 'gpu:1', '>=7.0', 'text'].find((text) => value.pattern.test(text)) ?? '';
}

/** Letters of other scripts that look like ours. */
const homoglyph = (text: string): string =>
  text.replace(
    /[aeopcx0-9]/,
    (c) => ({ a: 'а', e: 'е', o: 'о', p: 'р', c: 'с', x: 'х' })[c] ?? String.fromCharCode(0xff10 + Number(c)),
  );

const breakOut = [
  "x'/><evil/>",
  'x"><evil/>',
  'x\u0000',
  ']]>',
  '&evil;',
  '<!--',
  'x\nhw:pmu=true',
  '../../etc',
];

function badValues(key: Key): string[] {
  const good = goodValue(key);
  const { value } = key;
  const range =
    value.type === 'integer' ? [String(value.min - 1), String(value.max + 1), '1e3', '0x1', '1.5', ''] : [];
  const shape = [` ${good}`, `${good} `, homoglyph(good)].filter((text) => text !== good);
  const upper = value.type === 'word' && !value.anyCase ? [good.toUpperCase()] : [];
  return [...range, ...shape, ...upper.filter((text) => text !== good), ...breakOut];
}

const vocabularies = [
  ['extra spec', flavorKeys, checkExtraSpecs, readExtraSpecs] as const,
  ['image property', imageKeys, checkImageProperties, readImageProperties] as const,
];

/** Free text says nothing about hardware: any one line will do, and it is in no domain. */
const isFreeText = ({ value }: Key): boolean =>
  value.type === 'text' && value.pattern.test('any text at all');

describe.each(vocabularies)('every %s', (_, keys, check, read) => {
  const strict = keys.filter((key) => !isFreeText(key));

  test.each(strict.map((key) => [nameOf(key), key] as const))('%s', (name, key) => {
    expect(refusal(() => read({ [name]: goodValue(key) }, novaProfile))).toBe('accepted');
    for (const bad of badValues(key))
      expect([bad, refusal(() => check({ [name]: bad }))]).toEqual([
        bad,
        expect.stringMatching(/^(invalid_property|property_not_supported)$/),
      ]);
  });

  test('none is misspelt unnoticed', () => {
    for (const { key, pattern } of keys) {
      if (pattern || !/[:_]/.test(key)) continue;
      const wrong = `${key}x`;
      const known = keys.some((other) => other.key === wrong || other.aliases?.includes(wrong));
      if (known || !/^(hw|hw_rng|hw_video|os|quota|img)[:_]/.test(key)) continue;
      expect([wrong, refusal(() => check({ [wrong]: 'x' }))]).toEqual([wrong, 'unknown_property']);
      expect(() => check({ [wrong]: 'x' })).toThrow('did you mean');
    }
  });
});

/** Names of all elements and attributes: what a value could add to if it broke out. */
function shapeOf(node: XmlElement, into = new Set<string>()): Set<string> {
  into.add(node.name);
  for (const name in node.attributes) into.add(`@${name}`);
  for (const child of elements(node)) shapeOf(child, into);
  return into;
}

const wild = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(...breakOut),
  fc.constantFrom('true', '1', 'uefi', 'dedicated', '2.0', 'virtio', 'large', '-1', '99999999999999999999'),
);
const names = (keys: readonly Key[]) =>
  fc.oneof(fc.constantFrom(...keys.map(nameOf)), fc.string({ unit: 'binary', maxLength: 40 }));
const pairs = (keys: readonly Key[]) => fc.dictionary(names(keys), wild, { maxKeys: 6 });

test.each([gantryProfile, novaProfile].map((profile) => [profile.name, profile] as const))(
  'under profile %s whatever is written is refused with a code, or the domain holds nothing foreign',
  (_, profile) => {
    fc.assert(
      fc.property(pairs(flavorKeys), pairs(imageKeys), (extraSpecs, imageProperties) => {
        const input: GuestInput = guestInput({ extraSpecs, imageProperties });
        let xml: string;
        try {
          xml = renderDomain(compileGuest(input, hostContext(), profile));
        } catch (error) {
          expect(isGantryError(error)).toBe(true);
          return;
        }
        const shape = shapeOf(parseXml(xml));
        expect(shape).not.toContain('evil');
        // The command line of the guest’s own kernel may say anything; no path and no device may.
        expect(xml.replace(/<cmdline>.*<\/cmdline>/, '')).not.toContain('etc');
      }),
      { numRuns: 1500 },
    );
  },
);
