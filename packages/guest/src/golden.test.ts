/** test/golden/NAME.json (its first line says why) compiles to exactly NAME.xml. Write them anew with `vitest -u`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { guestInput, hostContext } from '../test/fixtures.ts';
import { loadDomainSchema } from '../test/libvirt-schema.ts';
import { compileGuest, renderDomain } from './compile.ts';

const folder = join(import.meta.dirname, '../test/golden');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''));

describe('golden', () => {
  let validate: (xml: string) => void;
  beforeAll(() => {
    validate = loadDomainSchema();
  });

  test.each(names)('%s', async (name) => {
    const { why, input, host } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
    expect(why).toMatch(/\w/);
    const xml = renderDomain(compileGuest(guestInput(input), hostContext(host)));
    validate(xml);
    await expect(xml).toMatchFileSnapshot(join(folder, `${name}.xml`));
  });
});
