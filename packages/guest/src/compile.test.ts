import { isGantryError, mostMemoryMiB } from '@gantry/model';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { cases } from '../test/arbitrary.ts';
import { DISK, guestInput, hostContext, INSTANCE } from '../test/fixtures.ts';
import { loadDomainSchema } from '../test/libvirt-schema.ts';
import { compileGuest, renderDomain } from './compile.ts';
import { domainToXml } from './elements/domain.ts';
import { explain, explainAdditions } from './explain.ts';
import { parseDomain } from './libvirt/domain-facts.ts';
import { child, elements, type XmlElement } from './xml/element.ts';
import { parseXml } from './xml/parser.ts';

const compileXml = (...args: Parameters<typeof compileGuest>) => renderDomain(compileGuest(...args));

describe('every guest', () => {
  let validate: (xml: string) => void;
  beforeAll(() => {
    validate = loadDomainSchema();
  });

  test('the schema tells right from wrong', () => {
    const xml = compileXml(guestInput({ extraSpecs: { 'hw:watchdog_action': 'reset' } }), hostContext());
    validate(xml);
    expect(() => validate(xml.replace("action='reset'", "action='explode'"))).toThrow();
  });

  test('passes libvirt’s schema and reads back as it was written', () => {
    fc.assert(
      fc.property(cases, ({ input, host }) => {
        const guest = compileGuest(input, host);
        const xml = renderDomain(guest);
        validate(xml);
        expect(plain(parseXml(xml))).toEqual(plain(domainToXml(guest)));
        const facts = parseDomain(xml);
        expect(facts.identity).toEqual({
          cluster: host.cluster,
          instance: host.uuid,
          epoch: host.epoch,
          name: input.name,
        });
        expect(facts.memoryMiB).toBe(mostMemoryMiB(input));
      }),
      { numRuns: 300 },
    );
  });

  test('is frozen and explains every element', () => {
    fc.assert(
      fc.property(cases, ({ input, host }) => {
        const guest = compileGuest(input, host);
        expect(unfrozen(guest)).toEqual([]);
        const explained = new Set(explain(guest).map((entry) => entry.path));
        for (const path of devicePaths(domainToXml(guest))) expect(explained).toContain(path);
        expect(explainAdditions(guest, parseXml(renderDomain(guest)))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

/** Without origins and prototypes. */
const plain = (node: XmlElement): unknown => ({
  name: node.name,
  attributes: { ...node.attributes },
  children: node.children.filter((c) => c !== '').map((c) => (typeof c === 'string' ? c : plain(c))),
});

const unfrozen = (value: unknown, path = ''): string[] =>
  value === null || typeof value !== 'object'
    ? []
    : [
        ...('kind' in value && !Object.isFrozen(value) ? [path] : []),
        ...Object.entries(value).flatMap(([key, inner]) => unfrozen(inner, `${path}.${key}`)),
      ];

const devicePaths = (root: XmlElement): string[] => {
  const kinds = elements(child(root, 'devices')).map((device) => device.name);
  return ['rng', 'watchdog', 'graphics', 'video', 'memballoon', 'panic', 'serial']
    .filter((kind) => kinds.includes(kind))
    .map((kind) => `/domain/devices/${kind}`);
};

describe('compileGuest refuses', () => {
  const refusal = (...args: Parameters<typeof compileGuest>): [string, string] => {
    try {
      compileXml(...args);
    } catch (error) {
      if (isGantryError(error)) return [error.code, error.message];
      throw error;
    }
    return ['accepted', ''];
  };
  const twins = ['155d900f-4e14-4e4c-a73d-069cbf4541e6', '155d900f-4e14-4e4c-a000-069cbf4541e6'];

  test.each([
    ['a name that is none', { name: '../etc' }, {}, 'its name'],
    ['a disk that is not there', {}, { disks: {} }, `disk ${DISK} is not on this node`],
    [
      'a disk called like a method',
      { disks: [{ ...guestInput().disks[0], id: 'toString' }] },
      {},
      'not on this node',
    ],
    ['a kernel that is not there', {}, { kernel: undefined }, 'kernel of its own'],
    [
      'a machine that QEMU lacks',
      { imageProperties: { hw_machine_type: 'banana' } },
      { machineTypes: ['pc'] },
      'banana',
    ],
    ['another architecture', { imageProperties: { hw_architecture: 'arm64' } }, {}, 'aarch64'],
    [
      'host-passthrough without KVM',
      { policies: [{ level: 'cluster', from: 'c', policy: { cpuMode: 'host-passthrough' } }] },
      {},
      'KVM',
    ],
    ['a socket path too long', {}, { vncSocket: `/${'x'.repeat(120)}` }, 'too long'],
    ['a NUL in a path', {}, { consoleLog: '/a\u0000b' }, 'U+0000'],
    [
      'disks with one serial',
      { disks: twins.map((id) => ({ ...guestInput().disks[0], id })) },
      { disks: Object.fromEntries(twins.map((id) => [id, { path: '/d', format: 'raw' }])) },
      'first 20',
    ],
    [
      'five IDE disks',
      {
        imageProperties: { hw_disk_bus: 'ide' },
        disks: Array.from({ length: 5 }, (_, i) => ({ ...guestInput().disks[0], id: `${i}` })),
      },
      {},
      'room for 4',
    ],
  ])('%s', (_, input, host, words) => {
    const hostile = { ...hostContext(), ...host } as never;
    const [code, message] = refusal({ ...guestInput(), ...input } as never, hostile);
    expect(code).toBe('guest_refused');
    expect(message).toContain(words);
  });

  test('settings that did not come through the API', () => {
    expect(refusal(guestInput({ extraSpecs: { 'hw:pmu': 'perhaps' } }), hostContext())[0]).toBe(
      'invalid_property',
    );
    expect(refusal(guestInput({ imageProperties: { hw_vif_model: "x'/><evil" } }), hostContext())[0]).toBe(
      'invalid_property',
    );
  });
});

test('a guest keeps the machine of its first start until its own settings ask for another', () => {
  const hardware = { asked: 'pc', machineType: 'pc-i440fx-7.2' };
  const machine = (changes: Parameters<typeof guestInput>[0]) =>
    parseDomain(compileXml(guestInput(changes), hostContext({ hardware }))).machineType;
  const policies = (level: 'group' | 'instance') => [{ level, from: 'x', policy: { machineType: 'q35' } }];
  expect(machine({})).toBe('pc-i440fx-7.2');
  expect(machine({ policies: policies('group') })).toBe('pc-i440fx-7.2');
  expect(machine({ policies: policies('instance') })).toBe('q35');
  expect(machine({ imageProperties: { hw_machine_type: 'q35' } })).toBe('q35');
  expect(machine({ imageProperties: { hw_machine_type: 'pc' } })).toBe('pc-i440fx-7.2');
});

test('a preview without command line names root and console', () => {
  const xml = compileXml(
    guestInput({ boot: { kernel: 'node', args: 'debug' }, imageProperties: { hw_disk_bus: 'sata' } }),
    { ...hostContext(), commandLine: undefined } as never,
  );
  expect(xml).toContain('<cmdline>root=/dev/sda console=ttyS0 debug</cmdline>');
});

test('what libvirt added is named as such', () => {
  const guest = compileGuest(guestInput(), hostContext());
  const defined = renderDomain(guest)
    .replace(
      '</devices>',
      "  <controller type='pci' index='0' model='pci-root'/><input type='mouse' bus='ps2'/></devices>",
    )
    .replace('</rng>', "<address type='pci' slot='0x06'/></rng>");
  expect(explainAdditions(guest, parseXml(defined)).map((e) => [e.path, e.level])).toEqual([
    ['/domain/devices/controller[pci0]', 'libvirt'],
    ['/domain/devices/input[mouse-ps2]', 'libvirt'],
  ]);
});

test('a domain is read back with the addresses of its devices', () => {
  const xml = `<domain type='kvm' id='4'><name>a</name><uuid>${INSTANCE}</uuid><memory unit='KiB'>524288</memory>
    <os><type machine='pc-i440fx-7.2'>hvm</type></os><cpu mode='custom'><model>Haswell</model></cpu><devices>
    <disk><target dev='vda'/><alias name='virtio-disk0'/><address type='pci' slot='0x04'/></disk>
    <channel><target name='org.qemu.guest_agent.0' state='connected'/></channel></devices></domain>`;
  expect(parseDomain(xml)).toMatchObject({
    name: 'a',
    domainId: 4,
    memoryMiB: 512,
    machineType: 'pc-i440fx-7.2',
    cpu: { mode: 'custom', model: 'Haswell' },
    agentConnected: true,
    addresses: [
      { device: 'disk', key: 'vda', alias: 'virtio-disk0', address: { type: 'pci', slot: '0x04' } },
    ],
  });
});
