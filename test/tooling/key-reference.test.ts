import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flavorKeys, imageKeys, referencePage } from '@gantry/guest';
import { expect, test } from 'vitest';

const page = (file: string) => readFileSync(join(import.meta.dirname, '../../docs/reference', file), 'utf8');

test.each([
  ['extra-specs.md', 'flavor', flavorKeys],
  ['image-properties.md', 'image', imageKeys],
] as const)('%s is current (else: node tools/key-reference.ts) and names every key', (file, kind, keys) => {
  expect(page(file)).toBe(referencePage(kind));
  for (const { key } of keys) expect(page(file)).toContain(`### \`${key}\``);
});
