import { tmpdir } from 'node:os';
import { NodeFacts, validate } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import {
  bootId,
  nodeFacts,
  nodeGauges,
  parseCpuinfo,
  parseMachines,
  parseQemuVersion,
  qemuFacts,
} from './facts.ts';
import { parseMeminfo } from './meminfo.ts';

describe('parsers', () => {
  it('count CPUs and name their model', () => {
    expect(
      parseCpuinfo(
        'processor\t: 0\nmodel\t\t: 2\nmodel name\t: AMD EPYC \nflags : x\n\nprocessor\t: 1\nmodel name\t: AMD EPYC\n',
      ),
    ).toEqual({ cpus: 2, cpuModel: 'AMD EPYC' });
    expect(parseCpuinfo('processor\t: 0\nCPU part\t: 0xd0c\n')).toEqual({ cpus: 1, cpuModel: 'unknown' });
  });

  it('read memory in whole MiB', () => {
    const text = 'MemTotal:       24657312 kB\nMemFree:         1 kB\nMemAvailable:   20480999 kB\n';
    expect(parseMeminfo(text)).toEqual({ totalMiB: 24079, availableMiB: 20000 });
    expect(() => parseMeminfo('')).toThrow('MemTotal');
  });

  it('read the version and machine types of QEMU', () => {
    expect(parseQemuVersion('QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n')).toBe(
      '7.2.22',
    );
    expect(parseQemuVersion('bash: not found')).toBeUndefined();
    const help =
      'Supported machines are:\npc                   Standard PC (alias)\npc-q35-7.2  Standard\nnone   empty machine\n';
    expect(parseMachines(help)).toEqual(['pc', 'pc-q35-7.2']);
  });
});

describe('nodeFacts', () => {
  it('are facts as the model wants them', async () => {
    const facts = await nodeFacts({
      hypervisor: async () => ({ libvirtVersion: '9.0.0' }),
      hardware: async () => undefined,
      accelerator: async () => ({ kvm: false, reason: 'x' }),
      capabilities: ['storage:file-qcow2'],
    });
    expect(validate(NodeFacts, facts)).toMatchObject({
      libvirtVersion: '9.0.0',
      agentVersion: expect.any(String),
    });
    expect(facts.cpus).toBeGreaterThan(0);
    expect(facts.memoryMiB).toBeGreaterThan(100);
  });

  it('go on without QEMU', async () => {
    expect(await qemuFacts('/nonexistent/qemu')).toEqual({});
  });
});

describe('nodeGauges', () => {
  it('measure memory and file systems', async () => {
    const gauges = await nodeGauges([{ name: 'default', path: tmpdir() }]);
    expect(gauges.memoryFreeMiB).toBeGreaterThan(0);
    const [space] = gauges.storage;
    expect(space?.freeBytes).toBeGreaterThan(0);
    expect(space?.totalBytes).toBeGreaterThanOrEqual(space?.freeBytes ?? 0);
    await expect(nodeGauges([{ name: 'x', path: '/nonexistent' }])).rejects.toThrow('ENOENT');
  });
});

it('bootId is a UUID', () => {
  expect(bootId()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
