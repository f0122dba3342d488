import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseXml } from '@gantry/guest';
import { NodeHardware, validate } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProcessError, type Run } from '../../process/run.ts';
import { cellsOf, wholeMemory } from './cells.ts';
import { parseDomainCapabilities } from './domain-capabilities.ts';
import { parseFirmware, readFirmware } from './firmware.ts';
import { assemble } from './hardware.ts';
import { parseCgroups, parseLockedMemory, trafficLimits } from './kernel.ts';
import { readPciFunctions } from './pci.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-hardware-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** As libvirt 9.0 writes it: two cells with threads, one CPU offline. */
const capabilities = `<capabilities><host><topology><cells num='2'>
  <cell id='0'><memory unit='KiB'>8388608</memory>
    <pages unit='KiB' size='1048576'>0</pages><pages unit='KiB' size='4'>2097152</pages><pages unit='KiB' size='2048'>64</pages>
    <distances><sibling id='0' value='10'/><sibling id='1' value='21'/></distances>
    <cpus num='3'>
      <cpu id='0' socket_id='0' die_id='0' core_id='0' siblings='0,4'/>
      <cpu id='4' socket_id='0' die_id='0' core_id='0' siblings='0,4'/>
      <cpu id='1' socket_id='0' die_id='0' core_id='1' siblings='1'/>
    </cpus></cell>
  <cell id='1'><memory unit='KiB'>4194304</memory><pages unit='KiB' size='4'>1048576</pages>
    <distances><sibling id='0' value='21'/><sibling id='1' value='10'/></distances>
    <cpus num='2'><cpu id='2' siblings='2-3'/><cpu id='3' siblings='2-3'/><cpu id='5'/></cpus></cell>
</cells></topology></host></capabilities>`;

describe('NUMA cells', () => {
  test('have cores, pages by size and distances', () => {
    expect(cellsOf(parseXml(capabilities))).toEqual([
      {
        id: 0,
        memoryMiB: 8192,
        cores: [[0, 4], [1]],
        pages: [
          { sizeKiB: 4, total: 2097152 },
          { sizeKiB: 2048, total: 64 },
          { sizeKiB: 1048576, total: 0 },
        ],
        distances: [
          { cell: 0, value: 10 },
          { cell: 1, value: 21 },
        ],
      },
      {
        id: 1,
        memoryMiB: 4096,
        cores: [[2, 3]],
        pages: [{ sizeKiB: 4, total: 1048576 }],
        distances: [
          { cell: 0, value: 21 },
          { cell: 1, value: 10 },
        ],
      },
    ]);
    expect(cellsOf(parseXml('<capabilities><host/></capabilities>'))).toEqual([]);
  });

  test('memory that the kernel counts in no cell belongs to the only one', () => {
    const [first, second] = cellsOf(parseXml(capabilities));
    if (!first || !second) throw new Error('two cells were parsed before');
    expect(wholeMemory([first], 16384)[0]?.memoryMiB).toBe(16384);
    expect(wholeMemory([first, second], 16384)).toEqual([first, second]);
  });
});

const domainCapabilities = (tpm: string, sev = "<sev supported='no'/>") => `<domainCapabilities>
  <os supported='yes'><loader supported='yes'><value>/usr/share/OVMF/OVMF_CODE_4M.fd</value>
    <enum name='secure'><value>yes</value><value>no</value></enum></loader></os>
  <cpu><mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model>
      <feature policy='require' name='acpi'/><feature policy='disable' name='vme'/></mode>
    <mode name='custom' supported='yes'><model usable='yes'>qemu64</model><model usable='no'>EPYC</model>
      <blockers model='EPYC'><feature name='x'/></blockers></mode></cpu>
  <devices>
    <disk supported='yes'><enum name='bus'><value>virtio</value><value>sata</value></enum></disk>
    <video supported='yes'><enum name='modelType'><value>virtio</value></enum></video>
    ${tpm}
  </devices><features>${sev}</features></domainCapabilities>`;

const swtpm = `<tpm supported='yes'><enum name='model'><value>tpm-tis</value><value>tpm-crb</value></enum>
  <enum name='backendModel'><value>passthrough</value><value>emulator</value></enum>
  <enum name='backendVersion'><value>1.2</value><value>2.0</value></enum></tpm>`;

describe('domain capabilities', () => {
  test('tell models, buses, TPM and loaders', () => {
    const { hostModel, ...rest } = parseDomainCapabilities(domainCapabilities(swtpm));
    expect(rest).toEqual({
      cpuModels: ['qemu64', 'EPYC'],
      diskBuses: ['virtio', 'sata'],
      videoModels: ['virtio'],
      tpm: { versions: ['1.2', '2.0'], models: ['tpm-tis', 'tpm-crb'] },
      secureLoader: true,
    });
    expect(hostModel?.model).toMatch(/\w/);
  });

  test('without swtpm there is no emulated TPM; an older libvirt names no versions', () => {
    const none = { versions: [], models: [] };
    expect(parseDomainCapabilities(domainCapabilities("<tpm supported='no'/>")).tpm).toEqual(none);
    expect(parseDomainCapabilities(domainCapabilities(swtpm.replace('emulator', 'external'))).tpm).toEqual(
      none,
    );
    const older = swtpm.replace(/<enum name='backendVersion'>.*<\/enum>/, '');
    expect(parseDomainCapabilities(domainCapabilities(older)).tpm.versions).toEqual(['2.0']);
  });

  test('SEV with its numbers', () => {
    const sev = "<sev supported='yes'><cbitpos>51</cbitpos><reducedPhysBits>1</reducedPhysBits></sev>";
    expect(parseDomainCapabilities(domainCapabilities('', sev)).sev).toEqual({
      cbitPosition: 51,
      reducedPhysBits: 1,
    });
  });

  test('what is no XML is refused', () => {
    expect(() => parseDomainCapabilities('<a>')).toThrow('well-formed');
  });
});

const descriptor = (loader: string, changes: object = {}) =>
  JSON.stringify({
    'interface-types': ['uefi'],
    mapping: { device: 'flash', executable: { filename: loader, format: 'raw' } },
    targets: [{ architecture: 'x86_64', machines: ['pc-q35-*'] }],
    features: ['secure-boot'],
    ...changes,
  });

describe('firmware', () => {
  test.each([
    ['no JSON', '{'],
    ['no object', '5'],
    ['a BIOS', descriptor('/x', { 'interface-types': ['bios'] })],
    ['in memory', descriptor('/x', { mapping: { device: 'memory', filename: '/x' } })],
    ['no targets', descriptor('/x', { targets: 'all' })],
    ['a target without architecture', descriptor('/x', { targets: [{}] })],
  ])('%s is none', (_, json) => {
    expect(parseFirmware(json)).toEqual([]);
  });

  test('is ordered by name, replaced and masked by the operator’s, and its files must be there', async () => {
    const [vendor, own] = [join(dir, 'vendor'), join(dir, 'own')];
    const code = join(dir, 'code.fd');
    await Promise.all([mkdir(vendor), mkdir(own), writeFile(code, '')]);
    await writeFile(join(vendor, '50-a.json'), descriptor(code));
    await writeFile(join(vendor, '40-b.json'), descriptor(code, { features: ['first'] }));
    await writeFile(join(vendor, '60-masked.json'), descriptor(code));
    await writeFile(join(vendor, '70-gone.json'), descriptor('/nonexistent/code.fd'));
    await writeFile(join(vendor, 'README'), 'no descriptor');
    await writeFile(join(own, '60-masked.json'), '');
    await writeFile(join(own, '50-a.json'), descriptor(code, { features: ['own'] }));
    const found = await readFirmware([vendor, own, join(dir, 'nowhere')]);
    expect(found.map(({ features }) => features)).toEqual([['first'], ['own']]);
  });
});

describe('the kernel', () => {
  test('cgroup controllers of both versions', () => {
    const mounts = [
      '98 97 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct',
      '107 97 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
      '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
      '',
    ].join('\n');
    expect(parseCgroups(mounts)).toEqual({ v1: ['rw', 'cpu', 'cpuacct'], v2: ['/sys/fs/cgroup/unified'] });
  });

  const limits = (hard: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax locked memory         8388608              ${hard}              bytes\n`;
  test.each([
    ['the right to raise limits', '000001ffffffffff', '8388608', true],
    ['no limit', '000001fffeffffff', 'unlimited', true],
    ['neither', '000001fffeffffff', '8388608', false],
    ['nothing readable', 'x', 'x', false],
  ])('locked memory: %s', (_, capabilitiesHeld, hard, usable) => {
    const ability = parseLockedMemory(`Name:\tx\nCapEff:\t${capabilitiesHeld}\n`, limits(hard));
    expect(ability.usable).toBe(usable);
    if (!usable) expect(ability.reason).toContain('CAP_SYS_RESOURCE');
  });

  const failing =
    (stderr: string): Run =>
    async () => {
      throw new ProcessError('exit', 'unshare', 'ended with 1', { stderr });
    };
  test('limits of traffic: the first that the kernel has not is named', async () => {
    expect(
      await trafficLimits(async () => ({ code: 0, stdout: '', stderr: '', truncated: false })),
    ).toMatchObject({ usable: true });
    expect(
      await trafficLimits(failing('Error: Specified qdisc kind is unknown.\nCommand failed -:3\n')),
    ).toEqual({
      usable: false,
      reason: 'the kernel has no sfq for traffic',
    });
    expect(await trafficLimits(failing('unshare failed: Operation not permitted'))).toMatchObject({
      usable: false,
      reason: expect.stringContaining('Operation not permitted'),
    });
  });

  test('PCI functions: no bridges, with cell and IOMMU group', async () => {
    const root = join(dir, 'pci');
    const write = async (address: string, files: Record<string, string>, group?: string) => {
      await mkdir(join(root, address), { recursive: true });
      for (const [name, content] of Object.entries(files))
        await writeFile(join(root, address, name), `${content}\n`);
      if (group) await symlink(`../../../kernel/iommu_groups/${group}`, join(root, address, 'iommu_group'));
    };
    const ids = { vendor: '0x10de', device: '0x2330' };
    await write('0000:81:00.0', { ...ids, class: '0x030200', numa_node: '1' }, '17');
    await write('0000:00:03.0', { ...ids, class: '0x020000', numa_node: '-1' });
    await write('0000:00:00.0', { ...ids, class: '0x060000', numa_node: '0' });
    await write('nonsense', { ...ids, class: '0x020000' });
    expect(await readPciFunctions(root)).toEqual([
      { address: '0000:00:03.0', vendor: '10de', product: '2330' },
      { address: '0000:81:00.0', vendor: '10de', product: '2330', cell: 1, iommuGroup: 17 },
    ]);
    expect(await readPciFunctions(join(dir, 'nowhere'))).toEqual([]);
  });
});

test('put together it is what the model wants, and each inability has its reason', () => {
  const yes = { usable: true, reason: 'x' };
  const hardware = assemble(
    {
      architecture: 'x86_64',
      capabilities,
      domainCapabilities: [domainCapabilities("<tpm supported='no'/>"), domainCapabilities('')],
      machineAliases: { q35: 'pc-q35-7.2' },
      cpuFeatures: ['sse', 'avx'],
    },
    16384,
    {
      firmware: parseFirmware(descriptor('/x')).map((one) => ({ ...one, architecture: 'aarch64' })),
      pciFunctions: [],
      kernel: { cpuTime: yes, lockedMemory: yes, trafficLimits: yes },
    },
  );
  expect(validate(NodeHardware, hardware)).toBe(hardware);
  const unable = Object.entries(hardware.abilities).flatMap(([name, { usable, reason }]) =>
    usable ? [] : [`${name}: ${reason}`],
  );
  expect(unable).toEqual([
    'uefi: no firmware is described in /usr/share/qemu/firmware; install OVMF',
    'secureBoot: no firmware has Secure Boot; install OVMF',
    'tpm: libvirt finds no swtpm; install swtpm and swtpm-tools',
    'memoryEncryption: libvirt finds no AMD SEV',
    'pciPassthrough: no PCI device is in an IOMMU group; the machine has no IOMMU, or it is off',
  ]);
});
