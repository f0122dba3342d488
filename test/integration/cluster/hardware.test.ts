/** What guests ask of a node's hardware, on a real cluster: placed, claimed, seen in libvirt, QEMU and the kernel; or refused, and why. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance, InstanceDiff, Node } from '@gantry/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let node: Node;
let flavors = 0;
const made: string[] = [];

/** Pages of 2 MiB, reserved for this test alone and given back at its end. */
const PAGES = 48;
const pool = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages';
const pagesNow = async () => Number(await readFile(pool, 'utf8'));
let pagesBefore: number;

beforeAll(async () => {
  pagesBefore = await pagesNow();
  await writeFile(pool, String(pagesBefore + PAGES));
  cluster = await startCluster({
    // libvirt looks for hugetlbfs when it starts.
    prepare: async (libvirtd) => {
      await libvirtd.exec(['mkdir', '-p', '/dev/hugepages']);
      await libvirtd.exec(['mount', '-t', 'hugetlbfs', 'hugetlbfs', '/dev/hugepages']);
      await libvirtd.killDaemon('SIGTERM');
      await libvirtd.startDaemon();
    },
  });
  const tiny = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await cluster.ok('image', 'import', tiny, 'tiny');
  await cluster.ok('image', 'import', tiny, 'q35', '--property', 'hw_machine_type=q35');
  const uefi = ['--property', 'hw_machine_type=q35', '--property', 'hw_firmware_type=uefi'];
  await cluster.ok('image', 'import', tiny, 'uefi', ...uefi);
  node = await until('the node’s hardware', async () => {
    const found = await cluster.json<Node>('node', 'show', 'node1');
    return found.status.facts?.hardware ? found : undefined;
  });
});
afterAll(async () => {
  try {
    expect(await cluster.stop()).toEqual(nothingLeft);
  } finally {
    await writeFile(pool, String(pagesBefore));
  }
  expect(await pagesNow()).toBe(pagesBefore);
});
afterEach(async () => {
  for (const name of made.splice(0)) await cluster.ok('instance', 'delete', name, '--yes');
});

interface Wish {
  image?: string;
  vcpus?: number;
  memory?: string;
  /** `KEY=VALUE` */
  specs?: string[];
}

/** With a flavor of its own. */
async function create(name: string, { image = 'tiny', vcpus = 1, memory = '64M', specs = [] }: Wish) {
  const flavor = `f${flavors++}`;
  const sizes = ['--vcpus', String(vcpus), '--memory', memory, '--disk', '64M'];
  await cluster.ok('flavor', 'create', flavor, ...sizes, ...specs.flatMap((one) => ['--property', one]));
  const words = ['instance', 'create', name, '--image', image, '--flavor', flavor];
  const ran = await cluster.gantry([...words, '--nic', 'default,ip=none']);
  if (ran.code === 0) made.push(name);
  return ran;
}

async function created(name: string, wish: Wish): Promise<void> {
  const { code, stderr } = await create(name, wish);
  expect(code, stderr).toBe(0);
}

const idOf = async (name: string) => (await cluster.json<Instance>('instance', 'show', name)).id;
const virsh = async (verb: string, name: string, ...args: string[]) =>
  cluster.exec('virsh', '-q', verb, await idOf(name), ...args);

const qemuOf = async (name: string) => {
  const id = await idOf(name);
  const found = (await cluster.processes('qemu')).find(({ commandLine }) => commandLine.includes(id));
  if (!found) throw new Error(`no QEMU of ${name}`);
  return found;
};

/** CPUs that the threads of its vCPUs may run on, as the kernel knows it. */
async function allowedCpus(name: string): Promise<string[]> {
  const tasks = `/proc/${(await qemuOf(name)).hostPid}/task`;
  const found = await Promise.all(
    (await readdir(tasks)).map(async (task) => {
      const status = await readFile(join(tasks, task, 'status'), 'utf8');
      const vcpu = /^Name:\s+CPU (\d+)\//m.exec(status)?.[1];
      return vcpu === undefined ? [] : [`${vcpu} on ${/^Cpus_allowed_list:\s+(\S+)/m.exec(status)?.[1]}`];
    }),
  );
  return found.flat().sort();
}

test('the node says what it can, and why it cannot the rest', async () => {
  const shown = await cluster.ok('node', 'show', 'node1');
  const { cells = [], abilities } = node.status.facts?.hardware ?? {};
  expect(cells.flatMap(({ cores }) => cores.flat())).toHaveLength(node.status.facts?.cpus ?? 0);
  expect(cells[0]?.pages.find(({ sizeKiB }) => sizeKiB === 2048)?.total).toBe(pagesBefore + PAGES);
  for (const [name, { usable, reason }] of Object.entries(abilities ?? {}))
    expect(shown).toContain(`  ${name}: ${usable ? 'yes' : `no, ${reason}`}`);
  expect(abilities).toMatchObject({
    uefi: { usable: true },
    secureBoot: { usable: true },
    tpm: { usable: true },
  });
});

describe('pinned CPUs', () => {
  const pinned = { specs: ['hw:cpu_policy=dedicated'] };

  test('are one guest’s alone, the same after restarts of agent and guest, and given back', async () => {
    await created('one', pinned);
    await created('two', pinned);
    expect([...(await allowedCpus('one')), ...(await allowedCpus('two'))]).toEqual(['0 on 0', '0 on 1']);
    expect((await virsh('vcpupin', 'two')).trim()).toMatch(/^0\s+1$/);
    const refused = await create('three', pinned);
    expect(refused.code).toBe(6);
    expect(refused.stderr).toMatch(/1 dedicated-cpus \(best node1: 0 CPUs free, short by 1\)/);

    const xml = await virsh('dumpxml', 'two', '--inactive');
    await cluster.kill9('agent');
    await cluster.start();
    await cluster.ok('instance', 'stop', 'two', '--force', '--yes');
    await cluster.ok('instance', 'start', 'two');
    expect(await virsh('dumpxml', 'two', '--inactive')).toBe(xml);
    expect(await allowedCpus('two')).toEqual(['0 on 1']);

    await cluster.ok('instance', 'delete', 'one', '--yes');
    made.splice(made.indexOf('one'), 1);
    await created('three', pinned);
    expect(await allowedCpus('three')).toEqual(['0 on 0']);
  });

  test('are set apart from shared ones by the operator', async () => {
    await cluster.ok('node', 'set', 'node1', '--shared-cpus', '0', '--dedicated-cpus', '1');
    try {
      await created('own', pinned);
      await created('shares', { vcpus: 2 });
      expect(await allowedCpus('own')).toEqual(['0 on 1']);
      expect(await allowedCpus('shares')).toEqual(['0 on 0', '1 on 0']);
      expect((await create('more', pinned)).stderr).toContain('dedicated-cpus');
    } finally {
      await cluster.ok('node', 'set', 'node1', '--unset', 'sharedCpus', '--unset', 'dedicatedCpus');
    }
  });
});

describe('resized, a guest', () => {
  const resize = (...words: string[]) => cluster.ok('instance', 'resize', ...words);
  const flavor = async (vcpus: number, specs: string[]): Promise<string> => {
    const name = `f${flavors++}`;
    const sizes = ['--vcpus', String(vcpus), '--memory', '64M', '--disk', '64M'];
    await cluster.ok('flavor', 'create', name, ...sizes, ...specs.flatMap((one) => ['--property', one]));
    return name;
  };
  const numaOf = async (name: string) => /<numa>|<numatune>/.test(await virsh('dumpxml', name));

  test('goes from CPUs of its own to shared ones, and back to the same', async () => {
    await created('one', { vcpus: 2, specs: ['hw:cpu_policy=dedicated'] });
    const xml = await virsh('dumpxml', 'one', '--inactive');
    expect(await allowedCpus('one')).toEqual(['0 on 0', '1 on 1']);
    await resize('one', '--flavor', await flavor(2, []));
    expect(await allowedCpus('one')).toEqual(['0 on 0-1', '1 on 0-1']);
    expect(await numaOf('one')).toBe(false);
    // held for the way back
    expect((await create('more', { specs: ['hw:cpu_policy=dedicated'] })).stderr).toContain('dedicated-cpus');
    await resize('one', '--revert');
    expect(await allowedCpus('one')).toEqual(['0 on 0', '1 on 1']);
    expect(await virsh('dumpxml', 'one', '--inactive')).toBe(xml);
    expect(await cluster.json<InstanceDiff>('instance', 'diff', 'one')).toMatchObject({
      compared: 'running',
      differences: [],
    });
    await resize('one', '--flavor', await flavor(1, ['hw:cpu_policy=dedicated']));
    await resize('one', '--confirm');
    await created('more', { specs: ['hw:cpu_policy=dedicated'] });
    expect([...(await allowedCpus('one')), ...(await allowedCpus('more'))]).toEqual(['0 on 0', '0 on 1']);
  });

  test('gets huge pages, also when agent and controller die, and gives them back', async () => {
    await created('one', {});
    const free = async () => Number(await readFile(pool.replace('nr_hugepages', 'free_hugepages'), 'utf8'));
    const pages = await flavor(1, ['hw:mem_page_size=2MB']);
    await resize('one', '--flavor', pages, '--detach');
    await cluster.kill9('agent', 'server');
    await cluster.start();
    const idle = async () =>
      (await cluster.json<Instance>('instance', 'show', 'one')).status.operation === undefined;
    await until('the end', idle);
    expect(await free()).toBe(pagesBefore + PAGES - 32);
    expect((await qemuOf('one')).commandLine).toMatch(/hugepages/);
    expect((await create('more', { specs: ['hw:mem_page_size=2MB'] })).stderr).toContain('huge-pages');
    await resize('one', '--revert');
    expect(await free()).toBe(pagesBefore + PAGES);
    await created('more', { specs: ['hw:mem_page_size=2MB'] });
    const refused = await cluster.gantry(['instance', 'resize', 'one', '--flavor', pages]);
    expect([refused.code, refused.stderr]).toEqual([6, expect.stringContaining('[cannot_grow]')]);
  });

  test('set while it runs, it has its CPUs from its next start on', async () => {
    await created('one', {});
    const pinned = await flavor(2, ['hw:cpu_policy=dedicated']);
    expect(await cluster.ok('instance', 'set', 'one', '--flavor', pinned)).toMatch(
      /vcpus +1 +2 +at next start/,
    );
    expect(await allowedCpus('one')).toEqual(['0 on 0-1']);
    expect((await create('more', { specs: ['hw:cpu_policy=dedicated'] })).stderr).toContain('dedicated-cpus');
    const { differences } = await cluster.json<InstanceDiff>('instance', 'diff', 'one');
    expect(differences.map(({ path, applies }) => [path, applies])).toContainEqual([
      '/domain/vcpu',
      'next-start',
    ]);
    await cluster.ok('instance', 'stop', 'one', '--force');
    await cluster.ok('instance', 'start', 'one');
    expect(await allowedCpus('one')).toEqual(['0 on 0', '1 on 1']);
  });
});

test('huge pages are behind the guest’s memory, and counted', async () => {
  await created('huge', { specs: ['hw:mem_page_size=2MB'] });
  expect((await qemuOf('huge')).commandLine).toMatch(/hugepages/);
  const free = async () => Number(await readFile(pool.replace('nr_hugepages', 'free_hugepages'), 'utf8'));
  expect(await free()).toBe(pagesBefore + PAGES - 32);
  const refused = await create('more', { specs: ['hw:mem_page_size=2MB'] });
  expect(refused.stderr).toContain(
    `huge-pages (best node1: ${pagesBefore + PAGES - 32} pages free, short by ${64 - pagesBefore - PAGES})`,
  );
});

test('CPU time is limited where the node has the controller', async () => {
  const specs = ['quota:cpu_shares=512', 'quota:cpu_quota=50000', 'quota:cpu_period=100000'];
  const ran = await create('slow', { specs });
  const { usable, reason } = node.status.facts?.hardware?.abilities.cpuTime ?? {};
  if (!usable) return expect(ran.stderr).toContain(reason);
  const info = await virsh('schedinfo', 'slow');
  expect(info).toMatch(/cpu_shares +: 512\nvcpu_period +: 100000\nvcpu_quota +: 50000/);
  return undefined;
});

test('a TPM is emulated beside the guest, and goes with it', async () => {
  await created('trusted', { specs: ['hw:tpm_version=2.0', 'hw:tpm_model=tpm-crb'] });
  const state = `/var/lib/libvirt/swtpm/${await idOf('trusted')}`;
  expect((await qemuOf('trusted')).commandLine).toMatch(/tpm-crb/);
  await cluster.exec('test', '-d', state);
  await cluster.ok('instance', 'delete', 'trusted', '--yes');
  made.splice(0);
  await cluster.exec('test', '!', '-e', state);
});

test.each([
  ['UEFI', [], /OVMF_CODE_4M\.fd/, /secure='no'/],
  ['Secure Boot', ['os:secure_boot=required'], /OVMF_CODE_4M\.(ms|secboot)\.fd/, /secure='yes'/],
])(
  '%s: the firmware speaks, and keeps its variables in the guest’s own folder',
  async (_, specs, code, secure) => {
    await created('fw', { image: 'uefi', memory: '256M', specs });
    const xml = await virsh('dumpxml', 'fw');
    expect(xml).toMatch(code);
    expect(xml).toMatch(secure);
    expect(xml).toContain(`/agent/guests/${await idOf('fw')}/uefi-variables.fd</nvram>`);
    await until('the firmware’s first words', async () =>
      /BdsDxe|UEFI|Shell/.test(await cluster.ok('instance', 'logs', 'fw')),
    );
  },
);

test('UEFI variables are kept over restarts, and given up with the system that is reinstalled', async () => {
  await created('firm', { image: 'uefi', memory: '256M' });
  const file = join(cluster.state, 'agent', 'guests', await idOf('firm'), 'uefi-variables.fd');
  // the last bytes belong to a spare block: firmware that only boots does not touch it
  const marked = async () => (await readFile(file)).subarray(-6).toString() === 'marked';
  const speaks = async () =>
    until('the firmware’s words', async () => /BdsDxe|UEFI|Shell/.test(await cluster.ok('logs', 'firm')));
  await speaks();
  await cluster.ok('instance', 'stop', 'firm', '--force');
  const { size } = await stat(file);
  await writeFile(file, Buffer.concat([(await readFile(file)).subarray(0, size - 6), Buffer.from('marked')]));
  await cluster.ok('instance', 'start', 'firm');
  expect(await marked()).toBe(true);
  await cluster.ok('instance', 'reinstall', 'firm', '--stop', '--yes', '--keep-uefi-variables');
  expect(await marked()).toBe(true);
  const plan = await cluster.ok('instance', 'reinstall', 'firm', '--stop', '--plan');
  expect(plan).toContain('give up its UEFI variables');
  await cluster.ok('instance', 'reinstall', 'firm', '--stop', '--yes');
  expect(await marked()).toBe(false);
  expect((await stat(file)).size).toBe(size);
  await speaks();
  await cluster.ok('instance', 'stop', 'firm', '--force');
  await cluster.ok('instance', 'start', 'firm');
  expect(await cluster.ok('instance', 'show', 'firm')).toMatch(/^state +running/m);
});

test('a virtual IOMMU', async () => {
  await created('iommu', { image: 'q35', specs: ['hw:viommu_model=intel'] });
  expect((await qemuOf('iommu')).commandLine).toContain('intel-iommu');
});

describe('what the node cannot is refused before anything is made, in its words', () => {
  test.each<[string, Wish, RegExp]>([
    [
      'more NUMA cells',
      { vcpus: 2, specs: ['hw:numa_nodes=2'] },
      /numa-cells \(best node1: 1 cells free, short by 1\)/,
    ],
    ['pages of another size', { memory: '1G', specs: ['hw:mem_page_size=1GB'] }, /no pages of 1 GiB/],
    ['a trait', { specs: ['trait:CUSTOM_SSD=required'] }, /no trait CUSTOM_SSD/],
    [
      'a resource',
      { specs: ['resources:CUSTOM_X=1'] },
      /resources \(best node1: 0 CUSTOM_X free, short by 1/,
    ],
    ['a CPU feature', { specs: ['trait:HW_CPU_X86_AVX512F=required'] }, /no trait HW_CPU_X86_AVX512F/],
    ['encrypted memory', { image: 'uefi', specs: ['hw:mem_encryption=true'] }, /no AMD SEV/],
    ['PCI devices', { specs: ['pci_passthrough:alias=gpu:1'] }, /no PCI passthrough|pci \(best/],
  ])('%s', async (_, wish, says) => {
    const { code, stderr } = await create('never', wish);
    expect([code, stderr]).toEqual([6, expect.stringMatching(says)]);
    expect(stderr).toContain('[no_capacity]');
    expect((await cluster.gantry(['instance', 'show', 'never'])).code).toBe(3);
  });

  test.each<['lockedMemory' | 'trafficLimits', string[]]>([
    ['lockedMemory', ['hw:locked_memory=true', 'hw:mem_page_size=small']],
    ['trafficLimits', ['quota:vif_inbound_average=100']],
  ])('%s, where it is not', async (ability, specs) => {
    const { usable, reason } = node.status.facts?.hardware?.abilities[ability] ?? {};
    const { code, stderr } = await create('maybe', { specs });
    if (usable) expect(code, stderr).toBe(0);
    else expect([code, stderr]).toEqual([6, expect.stringContaining(reason ?? '')]);
  });
});

test('what only QEMU can refuse is told in QEMU’s words, with a code', async () => {
  const { code, stderr } = await create('vram', {
    image: 'q35',
    specs: [
      'hw:virtio_packed_ring=true',
      'hw:cpu_threads=2',
      'hw:maxphysaddr_mode=emulate',
      'hw:maxphysaddr_bits=64',
    ],
    vcpus: 2,
  });
  made.splice(0);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/\[(qemu|config)_refused\]/)]);
  await cluster.gantry(['instance', 'delete', 'vram', '--yes']);
});
