import { parseXml } from '@gantry/guest';
import { type Domain, isNotFound, type LibvirtClient, LibvirtError } from '@gantry/libvirt';
import { expect, test } from 'vitest';
import { whoElseWrites } from './sharers.ts';

const domain = (name: string): Domain => ({ name, uuid: `uuid of ${name}`, id: -1 });
const definition = (source: string) =>
  `<domain type='kvm'><devices><disk type='block' device='disk'><source dev='${source}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;
const mine = { dom: domain('mine'), definition: parseXml(definition('/dev/vg/one')) };

/** libvirt with these domains beside it: their XML, or what it answers in its place. */
const libvirtWith = (others: Record<string, string | Error>) =>
  ({
    connectListAllDomains: async () => ['mine', ...Object.keys(others)].map(domain),
    domainGetXmlDesc: async ({ dom }: { dom: Domain }) => {
      const answer = others[dom.name] ?? '';
      if (answer instanceof Error) throw answer;
      return answer;
    },
  }) as Partial<LibvirtClient> as LibvirtClient;

const GONE_CODE = 42;
const failed = (code: number) =>
  new LibvirtError({ code, domain: 10, level: 2, message: 'no', call: 'domainGetXmlDesc' });

test('another domain with the disk is named; one that went meanwhile is nobody', async () => {
  const gone = failed(GONE_CODE);
  expect(isNotFound(gone)).toBe(true);
  const lv = libvirtWith({ a: definition('/dev/vg/one'), b: definition('/dev/vg/two'), gone });
  expect(await whoElseWrites(lv, mine)).toEqual([
    'domain a has /dev/vg/one too, and nobody said that they share it',
  ]);
});

test('one that cannot be read may write to it: nothing is said before it was', async () => {
  const silent = failed(38);
  await expect(whoElseWrites(libvirtWith({ silent }), mine)).rejects.toBe(silent);
});
