import type { Fit, GuestInput, NodeHardware } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guestInput, hostContext } from '../../test/fixtures.ts';
import { hardware, nodeFacts, offer } from '../../test/node.ts';
import { compileGuest, renderDomain } from '../compile.ts';
import { parseCpuList } from '../numa/cpu-list.ts';
import { descend, elements } from '../xml/element.ts';
import { parseXml } from '../xml/parser.ts';
import type { Bound, NodeOffer } from './node-offer.ts';
import { offers } from './offer.ts';

const guest = (extraSpecs: Record<string, string>, changes: Partial<GuestInput> = {}) =>
  guestInput({ vcpus: 2, memoryMiB: 512, boot: { kernel: 'disk' }, extraSpecs, ...changes });
const reasons = (input: GuestInput, node: NodeOffer = offer()) =>
  offers(input)(node).rejections.map(({ test: name, message }) => `${name}: ${message}`);

const q35 = { hw_machine_type: 'q35', hw_firmware_type: 'uefi' };
const unable = (name: keyof NodeHardware['abilities'], reason: string): NodeOffer => {
  const known = hardware();
  const abilities = { ...known.abilities, [name]: { usable: false, reason } };
  return offer({ facts: nodeFacts({ hardware: { ...known, abilities } }) });
};

describe('what a node cannot give is said in words and numbers', () => {
  test.each<[string, GuestInput, NodeOffer, string[]]>([
    ['nothing special', guest({}), offer(), []],
    [
      'more cells than it has',
      guest({ 'hw:numa_nodes': '4' }, { vcpus: 4 }),
      offer(),
      ['numa-cells: NUMA cells: short by 2 cells'],
    ],
    [
      'more pinned CPUs in a cell than it has',
      guest({ 'hw:cpu_policy': 'dedicated' }, { vcpus: 9 }),
      offer(),
      ['dedicated-cpus: free dedicated CPUs in a NUMA cell: short by 1 CPUs'],
    ],
    [
      'pinned CPUs where none are set apart',
      guest({ 'hw:cpu_policy': 'dedicated' }),
      offer({ host: { sharedCpus: '0-15' } }),
      ['dedicated-cpus: it has no dedicated CPUs (dedicatedCpus of node, group or cluster)'],
    ],
    [
      'CPUs to share where all are dedicated',
      guest({}),
      offer({ host: { dedicatedCpus: '0-15' } }),
      ['shared-cpus: all its CPUs are for pinned guests (dedicatedCpus is set, sharedCpus is not)'],
    ],
    [
      'more huge pages than are reserved',
      guest({ 'hw:mem_page_size': '2MB' }, { memoryMiB: 4096 }),
      offer(),
      ['huge-pages: pages of 2 MiB in a NUMA cell: short by 1024 pages'],
    ],
    [
      'huge pages that the operator kept back',
      guest({ 'hw:mem_page_size': '2MB' }, { memoryMiB: 2048 }),
      offer({ host: { reservedPages: [0, 1].map((cell) => ({ cell, sizeKiB: 2048, count: 24 })) } }),
      ['huge-pages: pages of 2 MiB in a NUMA cell: short by 24 pages'],
    ],
    [
      'pages of a size that it does not know',
      guest({ 'hw:mem_page_size': '1GB' }, { memoryMiB: 1024 }),
      offer(),
      ['huge-pages: no pages of 1 GiB in a NUMA cell: the CPU or kernel does not know them'],
    ],
    [
      'a cell with more memory than one has',
      guest({ 'hw:numa_nodes': '1' }, { memoryMiB: 9000 }),
      offer(),
      ['cell-memory: memory in a NUMA cell: short by 808 MiB'],
    ],
    ['traits', guest({ 'trait:CUSTOM_SSD': 'required' }), offer(), ['traits: no trait CUSTOM_SSD']],
    [
      'a trait that it must not have',
      guest({ 'trait:HW_CPU_X86_AVX2': 'forbidden' }),
      offer(),
      ['traits: has trait HW_CPU_X86_AVX2'],
    ],
    [
      'a trait by name, though another key would say it better',
      guest({ 'trait:COMPUTE_SECURITY_TPM_1_2': 'required' }),
      offer(),
      ['traits: no trait COMPUTE_SECURITY_TPM_1_2'],
    ],
    [
      'resources of the operator’s own',
      guest({ 'resources:CUSTOM_LICENCE': '3' }),
      offer({
        host: { resources: { CUSTOM_LICENCE: 4 } },
        bound: [{ extraSpecs: { 'resources:CUSTOM_LICENCE': '2' }, fit: { node: 'n' as Fit['node'] } }],
      }),
      ['resources: CUSTOM_LICENCE: short by 1'],
    ],
    [
      'CPU time without a controller',
      guest({ 'quota:cpu_quota': '1000' }),
      unable('cpuTime', 'no cgroups'),
      ['hardware: quota:cpu_* needs CPU time to be limited, and the node cannot: no cgroups'],
    ],
    [
      'locked memory without the right',
      guest({ 'hw:locked_memory': 'true', 'hw:mem_page_size': 'small' }),
      unable('lockedMemory', 'no CAP_SYS_RESOURCE'),
      ['hardware: hw:locked_memory needs locked memory, and the node cannot: no CAP_SYS_RESOURCE'],
    ],
    [
      'limits of traffic',
      guest({ 'quota:vif_inbound_average': '100' }),
      unable('trafficLimits', 'the kernel has no sfq for traffic'),
      [
        'hardware: quota:vif_* needs traffic to be limited, and the node cannot: the kernel has no sfq for traffic',
      ],
    ],
    [
      'a TPM without swtpm',
      guest({ 'hw:tpm_version': '2.0' }),
      unable('tpm', 'install swtpm'),
      ['hardware: hw:tpm_version needs a TPM, and the node cannot: install swtpm'],
    ],
    [
      'a TPM of another version',
      guest({ 'hw:tpm_version': '1.2' }),
      offer(),
      ['hardware: the node’s TPMs are of version 2.0, not 1.2'],
    ],
    [
      'UEFI',
      guest({}, { imageProperties: q35 }),
      unable('uefi', 'none'),
      ['hardware: the node has no UEFI firmware; install OVMF there'],
    ],
    [
      'Secure Boot',
      guest({ 'os:secure_boot': 'required' }, { imageProperties: q35 }),
      unable('secureBoot', 'none'),
      ['hardware: the node has no Secure Boot firmware'],
    ],
    [
      'a kind of machine',
      guest({}, { imageProperties: { img_hv_requested_version: '>=8.0' } }),
      offer(),
      ['image-kind: it runs x86_64/qemu/hvm and x86_64/kvm/hvm with QEMU 7.2.0, the image needs another'],
    ],
    [
      'PCI devices that nobody allowed',
      guest({ 'pci_passthrough:alias': 'gpu:1' }),
      offer(),
      ['pci: PCI devices gpu: short by 1'],
    ],
    [
      'an agent that tells nothing',
      guest({ 'hw:numa_nodes': '2' }),
      offer({ facts: (({ hardware: _, ...rest }) => rest)(nodeFacts()) }),
      ['hardware: its agent does not tell its NUMA cells; update it'],
    ],
  ])('%s', (_, input, node, expected) => {
    expect(reasons(input, node)).toEqual(expected);
  });
});

describe('PCI devices', () => {
  const host = { pciDevices: [{ alias: 'gpu', id: '10de:2330' }] };
  const two = guest({ 'pci_passthrough:alias': 'gpu:1', 'hw:cpu_policy': 'dedicated' });

  test('come from the guest’s own cell, and none is given twice', () => {
    const first = offers(two)(offer({ host }));
    expect(first.fit.pciDevices).toEqual([
      first.fit.cells?.[0]?.hostCell === 0 ? '0000:01:00.0' : '0000:81:00.0',
    ]);
    const bound = [{ extraSpecs: {}, fit: { node: 'n' as Fit['node'], ...first.fit } }];
    const second = offers(two)(offer({ host, bound }));
    expect(second.fit.pciDevices).not.toEqual(first.fit.pciDevices);
  });

  test('of one IOMMU group go to one guest', () => {
    const other = { node: 'n' as Fit['node'], pciDevices: ['0000:81:00.1'] };
    const answer = offers(guest({ 'pci_passthrough:alias': 'gpu:2' }))(
      offer({ host, bound: [{ extraSpecs: {}, fit: other }] }),
    );
    expect(answer.rejections).toMatchObject([{ test: 'pci', needed: 2, available: 1 }]);
  });
});

const wishes = fc.record(
  {
    vcpus: fc.constantFrom(1, 2, 4),
    memoryMiB: fc.constantFrom(256, 512, 1024),
    policy: fc.constantFrom('shared', 'dedicated', 'mixed'),
    threads: fc.constantFrom(undefined, 'prefer', 'isolate', 'require'),
    emulator: fc.constantFrom(undefined, 'isolate'),
    pages: fc.constantFrom(undefined, 'small', 'large', '2MB', 'any'),
    cells: fc.constantFrom(undefined, 1, 2),
  },
  { requiredKeys: ['vcpus', 'memoryMiB', 'policy'] },
);

function specsOf(wish: typeof wishes extends fc.Arbitrary<infer W> ? W : never): Record<string, string> {
  const dedicated = wish.policy === 'dedicated';
  const mixed = wish.policy === 'mixed' && wish.vcpus > 1;
  return {
    'hw:cpu_policy': mixed ? 'mixed' : dedicated ? 'dedicated' : 'shared',
    ...(mixed ? { 'hw:cpu_dedicated_mask': '0' } : {}),
    ...(dedicated && wish.threads ? { 'hw:cpu_thread_policy': wish.threads } : {}),
    ...(dedicated && wish.emulator ? { 'hw:emulator_threads_policy': wish.emulator } : {}),
    ...(wish.pages ? { 'hw:mem_page_size': wish.pages } : {}),
    ...(wish.cells && wish.vcpus % wish.cells === 0 ? { 'hw:numa_nodes': String(wish.cells) } : {}),
  };
}

test('however many guests come, no CPU and no page is given twice, and each gets what its XML says', () => {
  const apart = fc.constantFrom({}, { sharedCpus: '0-3,8-11', dedicatedCpus: '4-7,12-15' });
  fc.assert(
    fc.property(fc.array(wishes, { maxLength: 14 }), apart, (all, host) => {
      const bound: Bound[] = [];
      for (const wish of all) {
        const input = guest(specsOf(wish), { vcpus: wish.vcpus, memoryMiB: wish.memoryMiB });
        const { fit, rejections } = offers(input)(offer({ host, bound }));
        if (rejections.length > 0) continue;
        bound.push({ extraSpecs: input.extraSpecs, fit: { node: 'n' as Fit['node'], ...fit } });
        agrees(input, fit);
      }
      const claimed = bound.flatMap(({ fit }) => (fit.cells ?? []).flatMap((cell) => cell.claimedCpus));
      expect(new Set(claimed).size).toBe(claimed.length);
      if ('dedicatedCpus' in host)
        for (const cpu of claimed) expect(parseCpuList(host.dedicatedCpus)).toContain(cpu);
      for (const id of [0, 1]) {
        const large = bound.flatMap(({ fit }) =>
          (fit.cells ?? []).filter(({ hostCell, pageKiB }) => hostCell === id && pageKiB === 2048),
        );
        expect(large.reduce((sum, cell) => sum + cell.memoryMiB / 2, 0)).toBeLessThanOrEqual(1024);
      }
    }),
    { numRuns: 150 },
  );
});

/** The agent compiles what placement decided, and nothing else. */
function agrees(input: GuestInput, fit: Omit<Fit, 'node'>): void {
  const host = hostContext({ accelerator: 'kvm', facts: nodeFacts(), fit });
  const xml = renderDomain(compileGuest(input, host));
  expect(renderDomain(compileGuest(input, host))).toBe(xml);
  const root = parseXml(xml);
  const pins = elements(descend(root, 'cputune'), 'vcpupin').map(({ attributes }) => attributes['cpuset']);
  const decided = (fit.cells ?? []).flatMap(({ pins: all }) => all.map(({ cpu }) => String(cpu)));
  for (const cpu of decided) expect(pins).toContain(cpu);
  const nodes = elements(descend(root, 'numatune'), 'memnode').map(({ attributes }) => attributes['nodeset']);
  expect(nodes).toEqual((fit.cells ?? []).map(({ hostCell }) => String(hostCell)));
}

test('a guest whose binding places no cells is not built without them', () => {
  const input = guest({ 'hw:numa_nodes': '2' });
  expect(() => compileGuest(input, hostContext({ facts: nodeFacts() }))).toThrow('placement chose none');
});

test('a guest keeps its firmware when a better one comes', () => {
  const input = guest({}, { imageProperties: q35 });
  const loader = (kept?: string) => {
    const known = hardware();
    const newer = { ...known.firmware[1], loader: '/fw/newer.fd' } as (typeof known.firmware)[number];
    const host = hostContext({
      accelerator: 'kvm',
      facts: nodeFacts({ hardware: { ...known, firmware: [newer, ...known.firmware] } }),
      ...(kept ? { hardware: { asked: 'q35', machineType: 'pc-q35-7.2', loader: kept } } : {}),
    });
    return descend(parseXml(renderDomain(compileGuest(input, host))), 'os', 'loader')?.children[0];
  };
  expect(loader()).toBe('/fw/newer.fd');
  expect(loader('/fw/plain.fd')).toBe('/fw/plain.fd');
  expect(loader('/fw/gone.fd')).toBe('/fw/newer.fd');
});
