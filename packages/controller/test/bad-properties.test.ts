/** Every key of flavors, images and policies with values of every bad kind: refused at each door, and nothing is written. */
import {
  compileGuest,
  elements,
  flavorKeys,
  imageKeys,
  type Key,
  parseXml,
  renderDomain,
  type XmlElement,
} from '@gantry/guest';
import { type Assignments, GuestPolicy, isGantryError, type RouteName } from '@gantry/model';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { badValues, breakOut, isFreeText, misspelt, nameOf } from '../../guest/test/bad-values.ts';
import { hostContext } from '../../guest/test/fixtures.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await testCluster();
});
afterAll(() => cluster.close());

/** The code of the refusal; nothing may be written in spite of it. */
async function refusal(route: RouteName, request: Parameters<TestCluster['call']>[1]): Promise<string> {
  const before = await cluster.store.revision();
  const code = await cluster.call(route, request ?? {}).then(
    () => 'accepted',
    (error: unknown) => (isGantryError(error) ? error.code : String(error)),
  );
  if (code !== 'accepted') expect(await cluster.store.revision()).toBe(before);
  return code;
}

type Door = (pairs: Record<string, string>) => Promise<string>;
const doors: [string, readonly Key[], Door][] = [
  [
    'flavor create',
    flavorKeys,
    (extraSpecs) =>
      refusal('createFlavor', { body: { name: 'bad', spec: { vcpus: 1, memoryMiB: 64, extraSpecs } } }),
  ],
  [
    'flavor set',
    flavorKeys,
    (extraSpecs) => refusal('setFlavor', { params: { ref: 'small' }, body: { extraSpecs } }),
  ],
  [
    'image create',
    imageKeys,
    (properties) =>
      refusal('createImage', { body: { name: 'bad', spec: { source: 'file', format: 'raw', properties } } }),
  ],
  [
    'image set',
    imageKeys,
    (properties) => refusal('setImage', { params: { ref: 'debian/12' }, body: { properties } }),
  ],
];

const MANY = 9;
/** Some of them, other ones for each key, so that all kinds meet every door. */
const someOf = (values: readonly string[], turn: number): string[] => {
  const step = Math.ceil(values.length / MANY);
  return values.filter((_, index) => index % step === turn % step);
};

/** What the schema of all pairs refuses already: control characters, half characters, too much. */
const oneLine = (text: string): boolean => /^[^\u0000-\u001f\u007f]{0,1024}$/.test(text);

describe.each(doors)('%s', (_, keys, door) => {
  test.each(keys.map((key, turn) => [nameOf(key), key, turn] as const))('%s', async (name, key, turn) => {
    const bad = isFreeText(key) ? breakOut.filter((text) => !oneLine(text)) : badValues(key);
    for (const value of someOf(bad, turn)) {
      const code = await door({ [name]: value });
      const wanted = oneLine(value)
        ? /^(invalid_property|property_not_supported)$/
        : /^(invalid_body|invalid_property|property_not_supported)$/;
      expect([value, code]).toEqual([value, expect.stringMatching(wanted)]);
    }
  });

  test('names that are no keys', async () => {
    const [first = ''] = keys.map((key) => key.key).filter((name) => /^hw[:_]/.test(name));
    for (const wrong of misspelt(first))
      expect([wrong, await door({ [wrong]: '1' })]).toEqual([wrong, 'unknown_property']);
    for (const wrong of [` ${first}`, `${first} `, first.replace('w', 'ｗ'), `${first}\n`, '', '<evil/>'])
      expect([wrong, await door({ [wrong]: '1' })]).toEqual([
        wrong,
        expect.stringMatching(/^(invalid_body|unknown_field|unknown_property)$/),
      ]);
  });
});

/** Of each key of a policy. */
const badPolicies: Record<keyof GuestPolicy, readonly unknown[]> = {
  cpuMode: ['Host-Model', ' maximum', 'mахimum', '', 'host', 1, null, ['none'], "none'/><evil/>"],
  cpuModel: ['a b', ' Nehalem', 'Nеhalem', '', 'x'.repeat(65), "x'/><evil/>", 7, null],
  cpuFlags: [['+AES'], ['+ aes'], ["+aes'/><evil/>"], ['aеs'], '+aes', [1], [['aes']], Array(65).fill('aes')],
  cpuEnforce: ['yes', 1, '', null, ['true']],
  machineType: ['PC', ' pc', 'pс', '', "pc'/><evil/>", 'x'.repeat(65), 5, null],
  diskCache: ['None', 'none ', 'nоne', '', 'safe', 0, null],
  hotplugPorts: ['4', -1, 29, 1.5, null, {}],
  onPoweroff: ['Stop', ' stop', 'destroy', '', true, null],
  onReboot: ['Restart', 'reset', 'stор', '', false, null],
  onCrash: ['RESTART', 'coredump-destroy', '', {}, null],
  startOnBoot: ['true', 1, 'yes', '', null, []],
  confirmResizeAfterMs: ['60000', 59_999, 1e300, null, '1h'],
  stopTimeoutMs: ['60000', -1, 1.5, 1e300, null, '60s'],
};

const policyDoors: [string, (guest: object) => Promise<string>][] = [
  [
    'instance create',
    (guest) =>
      refusal('createInstance', { body: { name: 'bad', flavor: 'small', image: 'debian/12', guest } }),
  ],
  ['cluster', (guest) => refusal('setClusterPolicy', { body: { guest } })],
  ['group', (guest) => refusal('setGroupPolicy', { params: { ref: 'default' }, body: { guest } })],
];

/** Where settings are changed, null is a word: unset. */
const unsets = (where: string) => where !== 'instance create';

describe.each(policyDoors)('a policy by %s', (where, door) => {
  test('every key is tried', () => {
    expect(Object.keys(badPolicies).sort()).toEqual(Object.keys(GuestPolicy.properties).sort());
  });
  test.each(Object.entries(badPolicies))('%s', async (key, values) => {
    for (const value of values) {
      const wanted = value === null && unsets(where) ? 'accepted' : 'invalid_body';
      expect([value, await door({ [key]: value })]).toEqual([value, wanted]);
    }
    const wrong = key.toUpperCase();
    expect(await door({ [wrong]: 'x' })).toBe('unknown_field');
  });
});

function namesIn(node: XmlElement): string[] {
  return [node.name, ...elements(node).flatMap(namesIn)];
}

const wild = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(...breakOut),
  fc.constantFrom('true', '1', '2', 'virtio', 'scsi', 'q35', 'reset', 'no', '24'),
);
const pairs = (keys: readonly Key[]) =>
  fc.dictionary(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...keys.map(nameOf)) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
    ),
    wild,
    { maxKeys: 3 },
  );

test('whatever is written is refused with a code, or the domain made of it holds nothing foreign', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(pairs(flavorKeys), pairs(imageKeys), async (extraSpecs, properties) => {
      const name = `f${made++}`;
      const spec = { vcpus: 1, memoryMiB: 16, diskMiB: 1, extraSpecs };
      const os = { provider: 'debootstrap' };
      const codes = [
        await refusal('createFlavor', { body: { name, spec } }),
        await refusal('createImage', { body: { name, spec: { source: 'os', os, properties } } }),
      ];
      for (const code of codes) expect(code).not.toMatch(/^(internal|.*Error)/);
      const flavor = codes[0] === 'accepted' ? name : 'small';
      const image = codes[1] === 'accepted' ? name : 'debian/12';
      const body = { name, flavor, image, disks: [{ sizeMiB: 1 }] };
      if ((await refusal('createInstance', { body, query: { plan: true } })) !== 'accepted') return;
      expect(namesIn(await domainOf(body))).not.toContain('evil');
    }),
    { numRuns: 200 },
  );
});

/** Of the instance, as an agent would compile it; nothing of it stays. */
async function domainOf(body: { name: string }): Promise<XmlElement> {
  await cluster.call('createInstance', { body });
  const { id } = await cluster.instance(body.name);
  const { guests } = (await cluster.agent.assignments()) as Assignments;
  const input = guests.find(({ spec }) => spec.instance === id)?.spec.input;
  if (!input) throw new Error('it has no binding');
  const disks = Object.fromEntries(
    input.disks.map((disk) => [disk.id, { path: '/d', format: 'raw' as const }]),
  );
  const xml = renderDomain(compileGuest(input, hostContext({ disks })));
  await cluster.converge();
  await cluster.call('deleteInstance', { params: { ref: body.name } });
  await cluster.converge();
  return parseXml(xml);
}
