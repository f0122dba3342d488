import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cases } from '../../test/arbitrary.ts';
import { guestInput, hostContext } from '../../test/fixtures.ts';
import { compileGuest, renderDomain } from '../compile.ts';
import { explain } from '../explain.ts';
import type { XmlElement } from '../xml/element.ts';
import { parseXml } from '../xml/parser.ts';
import { application, type Change } from './applies.ts';
import { canonical } from './canonical.ts';
import { diffGuest, type Present } from './diff.ts';

type Change1 = Parameters<typeof guestInput>[0];
const host = hostContext();
const settled = (change: Change1 = {}) => {
  const input = guestInput(change);
  return { input, guest: compileGuest(input, host) };
};

/** The domain of those settings, running, with what libvirt adds or somebody else changes. */
function present(change: Change1 = {}, alter: (xml: string) => string = (xml) => xml): Present {
  const { guest } = settled(change);
  const asked = renderDomain(guest);
  return {
    domain: parseXml(alter(asked)),
    running: true,
    before: { asked: parseXml(asked), explanation: explain(guest) },
  };
}

const devices = (more: string) => (xml: string) => xml.replace('</devices>', `${more}</devices>`);
const inside = (tag: string, more: string) => (xml: string) => xml.replace(tag, `${tag}${more}`);
const brief = (differences: ReturnType<typeof diffGuest>) =>
  differences.map(({ path, change, cause, now, wanted }) => [
    path.replace('/domain/', ''),
    change,
    cause,
    now,
    wanted,
  ]);

describe('what libvirt adds is no difference', () => {
  test.each<[string, (xml: string) => string]>([
    ['sizes in its own unit', (xml) => xml.replace("unit='MiB'>512<", "unit='KiB'>524288<")],
    ['memory that the guest has', inside('</memory>', "<currentMemory unit='KiB'>524288</currentMemory>")],
    [
      'controllers',
      devices("<controller type='pci' index='0' model='pci-root'><alias name='pci.0'/></controller>"),
    ],
    ['mouse and keyboard', devices("<input type='mouse' bus='ps2'/><input type='keyboard' bus='ps2'/>")],
    [
      'labels',
      inside(
        '</devices>',
        "<seclabel type='dynamic' model='dac' relabel='yes'><label>+1:+1</label></seclabel>",
      ),
    ],
    ['the version of the machine', (xml) => xml.replace("machine='pc'", "machine='pc-i440fx-7.2'")],
    ['the number of a NIC', (xml) => xml.replace(/(<interface.*>)/, "$1<alias name='net0'/>")],
    ['defaults of attributes', (xml) => xml.replace('<vcpu>', "<vcpu placement='static'>")],
    ['its number', (xml) => xml.replace('<domain ', "<domain id='7' ")],
    ['a copy that is under way', (xml) => xml.replace('</disk>', "<mirror type='file' job='copy'/></disk>")],
    ['whose domain it is', (xml) => xml.replace(/<metadata>.*<\/metadata>/s, '')],
  ])('%s', (_, alter) => {
    const there = present({}, alter);
    expect(there.domain).not.toEqual(present().domain);
    expect(diffGuest(there, settled())).toEqual([]);
    // the same without knowing what was asked
    expect(diffGuest({ domain: there.domain, running: true }, settled())).toEqual([]);
  });

  test('a CPU that runs is spelt out; what counts is its definition', () => {
    const expanded = (xml: string) =>
      xml.replace(/<cpu.*<\/cpu>/s, "<cpu mode='custom' check='full'><model>qemu64</model></cpu>");
    const { domain, before } = present({}, expanded);
    const definition = present().domain;
    expect(
      diffGuest({ domain, running: true, definition, ...(before ? { before } : {}) }, settled()),
    ).toEqual([]);
    expect(diffGuest({ domain, running: true }, settled())).not.toEqual([]);
  });
});

test.each([
  ['qemu', 3, 2, 'next-start'],
  ['qemu', 4, 2, 'next-start'],
  ['qemu', 2, 3, 'live'],
  ['kvm', 3, 2, 'live'],
])('a running guest of type %s has %d CPUs of 4 and shall have %d: %s', (type, has, vcpus, applies) => {
  const typed = (xml: string) => xml.replace(/^<domain type='[^']*'/, `<domain type='${type}'`);
  const { domain } = present({ vcpus: has, maxVcpus: 4 }, typed);
  const found = diffGuest({ domain, running: true }, settled({ vcpus, maxVcpus: 4 }));
  expect(found.find(({ path }) => path === '/domain/vcpu/@current')?.applies).toBe(applies);
});

describe('by hand', () => {
  test.each<[string, (xml: string) => string, unknown[]]>([
    [
      'a disk plugged in',
      devices("<disk type='file' device='disk'><target dev='vdz' bus='virtio'/></disk>"),
      [
        'devices/disk[vdz]',
        'removed',
        'foreign',
        "<disk type='file' device='disk'><target dev='vdz' bus='virtio'/></disk>",
        undefined,
      ],
    ],
    [
      'memory taken away',
      inside('</memory>', "<currentMemory unit='KiB'>262144</currentMemory>"),
      ['currentMemory', 'removed', 'foreign', "<currentMemory unit='MiB'>256</currentMemory>", undefined],
    ],
    [
      'a CPU taken away',
      (xml) => xml.replace('<vcpu>', "<vcpu current='0'>"),
      ['vcpu/@current', 'removed', 'foreign', '0', undefined],
    ],
    [
      'a device unplugged',
      (xml) => xml.replace(/<rng.*<\/rng>/s, ''),
      ['devices/rng', 'added', 'foreign', undefined, expect.stringContaining('<rng')],
    ],
    [
      'another cache mode',
      (xml) => xml.replace("cache='none'", "cache='unsafe'"),
      ['devices/disk[vda]/driver/@cache', 'changed', 'foreign', 'unsafe', 'none'],
    ],
    [
      'a cable pulled',
      (xml) => xml.replace('</interface>', "<link state='down'/></interface>"),
      ['devices/interface[52:54:00:12:34:56]/link', 'removed', 'foreign', "<link state='down'/>", undefined],
    ],
    [
      'threads moved',
      inside('</memory>', "<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>"),
      ['cputune', 'removed', 'foreign', "<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>", undefined],
    ],
  ])('%s', (_, alter, wanted) => {
    expect(brief(diffGuest(present({}, alter), settled()))).toEqual([wanted]);
  });
});

const cache = (diskCache: 'none' | 'unsafe') => ({
  policies: [{ level: 'cluster' as const, from: 'c', policy: { diskCache } }],
});

describe('who decides', () => {
  test('a setting that was changed, not who changed the domain', () => {
    const [one] = diffGuest(
      present({}, (xml) => xml.replace("cache='none'", "cache='directsync'")),
      settled(cache('unsafe')),
    );
    expect(one).toMatchObject({
      cause: 'settings',
      now: 'directsync',
      wanted: 'unsafe',
      level: 'cluster',
      source: 'diskCache',
    });
  });

  test('what is no longer asked for names the setting that asked for it, and who says no now', () => {
    const off = { extraSpecs: { 'hw_rng:allowed': 'false' } };
    expect(diffGuest(present(), settled(off))).toMatchObject([
      {
        path: '/domain/devices/rng',
        change: 'removed',
        cause: 'settings',
        level: 'flavor',
        source: 'hw_rng:allowed',
      },
    ]);
    const limited = { extraSpecs: { 'quota:disk_read_iops_sec': '100' } };
    expect(diffGuest(present(limited), settled())).toMatchObject([
      {
        path: '/domain/devices/disk[vda]/iotune',
        change: 'removed',
        cause: 'settings',
        level: 'builtin',
        applies: 'live',
      },
    ]);
  });

  test('of an instance made anew only what does not come with the next start', () => {
    const anew = { ...cache('unsafe'), extraSpecs: { 'hw:watchdog_action': 'reset' } };
    const found = diffGuest(present(), settled(cache('unsafe')), settled(anew));
    expect(found.map(({ path, applies, level }) => [path, applies, level])).toEqual([
      ['/domain/devices/disk[vda]/driver/@cache', 'next-start', 'cluster'],
      ['/domain/devices/watchdog', 'rebuild', 'flavor'],
    ]);
    expect(found[1]?.why).toContain('flavor');
  });

  test('for a guest that does not run everything waits for its start', () => {
    const limited = { extraSpecs: { 'quota:disk_read_iops_sec': '100' } };
    const found = diffGuest({ ...present(), running: false }, settled(limited));
    expect(found).toMatchObject([{ applies: 'next-start', why: expect.stringContaining('does not run') }]);
  });
});

test.each<[string, Change, string]>([
  ['/domain/devices/disk[vdb]', 'added', 'live'],
  ['/domain/devices/disk[vda]/driver/@cache', 'changed', 'next-start'],
  ['/domain/devices/disk[vda]/iotune/read_iops_sec', 'changed', 'live'],
  ['/domain/devices/interface[52:54:00:12:34:56]/bandwidth/inbound/@average', 'changed', 'live'],
  ['/domain/devices/rng/rate/@bytes', 'changed', 'next-start'],
  ['/domain/devices/rng', 'removed', 'live'],
  ['/domain/cputune/shares', 'changed', 'live'],
  ['/domain/cputune/vcpusched[0]', 'added', 'next-start'],
  ['/domain/on_crash', 'changed', 'live'],
  ['/domain/name', 'changed', 'never'],
  ['/domain/nameless', 'added', 'next-start'],
  ['/domain/@type', 'changed', 'next-start'],
  ['/domain/memory', 'changed', 'next-start'],
  ['/domain/currentMemory', 'removed', 'live'],
])('%s %s applies %s', (path, change, applies) => {
  const found = application(path, change);
  expect(found.applies).toBe(applies);
  expect(found.why).toMatch(/\w{3}/);
});

/** What is compared, with names of machines that mean the same made equal. */
const compared = (node: XmlElement): string =>
  JSON.stringify(canonical(node)).replaceAll('"pc"', '"pc-i440fx-7.2"');

test('any two guests differ in something, unless they are the same', () => {
  fc.assert(
    fc.property(cases, cases, fc.boolean(), ({ input: old, host: node }, { input }, same) => {
      const next = same ? old : { ...input, disks: old.disks, boot: old.boot };
      const [before, after] = [old, next].map((one) => compileGuest(one, node));
      if (!before || !after) return;
      const [was, will] = [before, after].map((one) => parseXml(renderDomain(one)));
      if (!was || !will) return;
      const known = { asked: was, explanation: explain(before) };
      const found = diffGuest({ domain: was, running: true, before: known }, { guest: after, input: next });
      expect(found.length === 0, JSON.stringify(found)).toBe(compared(was) === compared(will));
      for (const one of found) {
        expect(one.cause).toBe('settings');
        expect(one.rule).not.toBe('');
        expect(one.now === undefined && one.wanted === undefined).toBe(false);
      }
    }),
    { numRuns: 400 },
  );
});
