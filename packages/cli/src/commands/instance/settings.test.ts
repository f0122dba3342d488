import { expect, test } from 'vitest';
import { valueText } from './settings.ts';

test.each([
  [
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
    'model=virtio backend model=random /dev/urandom',
  ],
  ["<memory unit='MiB'>512</memory>", 'unit=MiB 512'],
  ['<acpi/>', ''],
  ["<timer name='hpet' present='no'/>", 'name=hpet present=no'],
  ['<cmdline>a &lt;b&gt; &amp;amp; c</cmdline>', 'a <b> &amp; c'],
  ['plain', 'plain'],
])('%s', (xml, text) => {
  expect(valueText(xml)).toBe(text);
});
