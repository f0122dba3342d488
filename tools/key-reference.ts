/** Writes docs/reference/extra-specs.md and image-properties.md: node tools/key-reference.ts */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePage } from '@gantry/guest';

const folder = join(import.meta.dirname, '../docs/reference');
writeFileSync(join(folder, 'extra-specs.md'), referencePage('flavor'));
writeFileSync(join(folder, 'image-properties.md'), referencePage('image'));
