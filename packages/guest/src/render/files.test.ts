import { describe, expect, test } from 'vitest';
import { renderDomain } from '../compile.ts';
import { explain } from '../explain.ts';
import { gantryProfile, novaProfile } from '../profiles.ts';
import { answerLine } from './batch.ts';
import { caseFromFiles } from './files.ts';
import { renderCase } from './render-case.ts';

const ours = {
  flavor: {
    name: 'small',
    spec: { vcpus: 2, memoryMiB: 1024, extraSpecs: { 'hw:watchdog_action': 'reset' } },
  },
  image: {
    name: 'debian',
    spec: { source: 'file', format: 'qcow2', properties: { hw_machine_type: 'q35' } },
  },
};
const novas = {
  flavor: { vcpus: 2, memory_mb: 1024, extra_specs: { 'hw:watchdog_action': 'reset' } },
  image: { properties: { hw_machine_type: 'q35' } },
};

describe('files', () => {
  test('say the same in Nova’s words and in Gantry’s', () => {
    const render = (files: Parameters<typeof caseFromFiles>[0]) =>
      renderDomain(renderCase(caseFromFiles(files), gantryProfile));
    expect(render(ours)).toBe(render(novas));
    expect(render(ours)).toContain("<watchdog model='i6300esb' action='reset'/>");
    expect(renderDomain(renderCase(caseFromFiles(ours), novaProfile))).toContain('OpenStack Nova');
  });

  test('explain each element by its setting', () => {
    const why = explain(renderCase(caseFromFiles(ours), gantryProfile));
    const of = (path: string) => why.find((entry) => entry.path === path);
    expect(of('/domain/devices/watchdog')).toMatchObject({ level: 'flavor', source: 'hw:watchdog_action' });
    expect(of('/domain/os/type')).toMatchObject({ level: 'image', source: 'hw_machine_type' });
    expect(of('/domain/devices/rng')).toMatchObject({ level: 'builtin' });
  });

  test.each([[null], ['text'], [[1]]])('%j is no flavor', (flavor) => {
    expect(() => caseFromFiles({ flavor, image: {} })).toThrow('--flavor');
  });

  test('a node’s configuration changes what it names, and nothing else', () => {
    const config = { libvirt: { rng_dev_path: '/dev/hwrng', num_pcie_ports: 3 } };
    const xml = renderDomain(renderCase(caseFromFiles({ ...ours, config }), gantryProfile));
    expect(xml).toContain('/dev/hwrng');
    expect(xml.match(/pcie-root-port/g)).toHaveLength(3);
    expect(xml).toContain("discard='unmap'");
  });
});

describe('a batch', () => {
  test.each([
    ['', undefined],
    ['   ', undefined],
    ['{', 'invalid_argument'],
    ['null', 'invalid_body'],
    ['{"name":"x"}', 'invalid_body'],
    ['[]', 'invalid_body'],
  ])('%j: %s', (line, code) => {
    const answer = answerLine(line);
    expect(answer && JSON.parse(answer).error.code).toBe(code);
  });

  test('an error names its case, and Nova’s class of the same meaning', () => {
    const broken = caseFromFiles({ ...novas, image: { properties: { hw_disk_bus: 'xen' } } });
    expect(JSON.parse(answerLine(JSON.stringify({ ...broken, name: 'one' })) ?? '')).toEqual({
      name: 'one',
      error: {
        code: 'invalid_property',
        message: 'hw_disk_bus=xen is not valid: it belongs to another hypervisor',
        nova: 'UnsupportedHardware',
      },
    });
  });
});
