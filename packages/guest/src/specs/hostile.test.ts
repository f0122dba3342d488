/** Bad values of every key, and values made to break out: none reaches a domain. */
import { type GuestInput, GuestPolicy, isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { badValues, breakOut, goodValue, isFreeText, misspelt, nameOf } from '../../test/bad-values.ts';
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

const vocabularies = [
  ['extra spec', flavorKeys, checkExtraSpecs, readExtraSpecs] as const,
  ['image property', imageKeys, checkImageProperties, readImageProperties] as const,
];

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

  const known = new Set(keys.flatMap(({ key, aliases }) => [key, ...(aliases ?? [])]));
  const ours = keys.filter(
    ({ key, pattern }) => !pattern && /^(hw|hw_rng|hw_video|os|quota|img)[:_]/.test(key),
  );

  test.each(ours.map(({ key }) => key))('%s is not misspelt unnoticed', (key) => {
    for (const wrong of misspelt(key).filter((name) => !known.has(name))) {
      expect([wrong, refusal(() => check({ [wrong]: 'x' }))]).toEqual([wrong, 'unknown_property']);
      expect(() => check({ [wrong]: 'x' })).toThrow(/did you mean [a-z0-9_:]+\?/);
    }
  });
});

const knownIn = (keys: readonly Key[]) =>
  new Set(keys.flatMap(({ key, aliases }) => [key, ...(aliases ?? [])]));

describe('a key of the other vocabulary is not taken for an operator’s own', () => {
  const [ofFlavor, ofImage] = [knownIn(flavorKeys), knownIn(imageKeys)];
  const twinsOf = (keys: readonly Key[], others: ReadonlySet<string>) =>
    keys.flatMap(({ key, twin, pattern }) =>
      twin && !pattern && !others.has(key) ? [[key, twin.key] as const] : [],
    );

  test.each(twinsOf(imageKeys, ofFlavor))('%s in a flavor: did you mean %s?', (key, twin) => {
    expect(() => checkExtraSpecs({ [key]: 'x' })).toThrow(
      `flavor has no property ${key} (did you mean ${twin}?)`,
    );
  });
  test.each(twinsOf(flavorKeys, ofImage))('%s of an image: did you mean %s?', (key, twin) => {
    expect(() => checkImageProperties({ [key]: 'x' })).toThrow(
      `image has no property ${key} (did you mean ${twin}?)`,
    );
  });
  test('an operator’s own keys stay his own', () => {
    const own = { 'mine:size': 'x', colour: 'x', 'Mine:Colour': 'x', hwcolour: 'x' };
    expect(refusal(() => checkExtraSpecs(own))).toBe('accepted');
    expect(refusal(() => checkImageProperties(own))).toBe('accepted');
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

const anyPolicy = fc.dictionary(
  fc.oneof(fc.constantFrom(...Object.keys(GuestPolicy.properties)), fc.constantFrom(...breakOut)),
  fc.oneof(wild, fc.array(wild, { maxLength: 3 }), fc.integer(), fc.boolean(), fc.constant(null)),
  { maxKeys: 3 },
);

test('a policy that no API ever saw is refused with a code, or the domain holds nothing foreign', () => {
  fc.assert(
    fc.property(anyPolicy, (policy) => {
      const input = guestInput({
        policies: [{ level: 'cluster', from: 'c', policy: policy as GuestPolicy }],
      });
      let xml: string;
      try {
        xml = renderDomain(compileGuest(input, hostContext()));
      } catch (error) {
        expect(isGantryError(error)).toBe(true);
        return;
      }
      expect(shapeOf(parseXml(xml))).not.toContain('evil');
      expect(xml).not.toContain('etc');
    }),
    { numRuns: 1000 },
  );
});
