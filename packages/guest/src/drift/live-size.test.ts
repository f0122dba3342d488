import { describe, expect, test } from 'vitest';
import { guestInput } from '../../test/fixtures.ts';
import { withSizes } from '../libvirt/with-sizes.ts';
import { liveSize } from './live-size.ts';

type Change = Parameters<typeof guestInput>[0];

describe('what a running guest takes of another size', () => {
  test.each<[string, Change, Change, [string, RegExp], [string, RegExp]]>([
    [
      'within its room',
      { maxVcpus: 4, maxMemoryMiB: 2048 },
      { vcpus: 4, memoryMiB: 2048 },
      ['live', /up to the 4/],
      ['live', /up to the 2 GiB/],
    ],
    [
      'beyond its room',
      { maxVcpus: 4, maxMemoryMiB: 2048 },
      { vcpus: 5, memoryMiB: 2049 },
      ['next-start', /room for 4/],
      ['next-start', /gives no more; `--max-memory`/],
    ],
    [
      'without room',
      {},
      { vcpus: 2, memoryMiB: 1024 },
      ['next-start', /`--max-vcpus`/],
      ['next-start', /`--max-memory`/],
    ],
    [
      'without room, which its next start has',
      {},
      { vcpus: 2, memoryMiB: 1024, maxVcpus: 4, maxMemoryMiB: 2048 },
      ['next-start', /in or out$/],
      ['next-start', /gives no more$/],
    ],
    [
      'less, without room: a balloon can always take',
      { vcpus: 2 },
      { vcpus: 1, memoryMiB: 256 },
      ['next-start', /without room/],
      ['live', /up to the 512 MiB/],
    ],
    [
      'with cells of its own',
      { extraSpecs: { 'hw:numa_nodes': '1' } },
      { vcpus: 2, memoryMiB: 256 },
      ['next-start', /NUMA cells/],
      ['next-start', /NUMA cells/],
    ],
    [
      'with a device of the host',
      { extraSpecs: { 'pci_passthrough:alias': 'gpu:1' }, maxVcpus: 2 },
      { vcpus: 2, memoryMiB: 256 },
      ['live', /up to the 2/],
      ['next-start', /pci_passthrough/],
    ],
  ])('%s', (_, started, wanted, vcpus, memory) => {
    const found = liveSize(guestInput(started), guestInput(wanted), 'kvm');
    expect([found.vcpus.applies, found.memory.applies]).toEqual([vcpus[0], memory[0]]);
    expect(found.vcpus.why).toMatch(vcpus[1]);
    expect(found.memory.why).toMatch(memory[1]);
  });
});

test.each<[number, string]>([
  [1, 'next-start'],
  [3, 'live'],
])('without KVM a guest of 2 CPUs gets %d: %s', (vcpus, applies) => {
  const found = liveSize(guestInput({ vcpus: 2, maxVcpus: 4 }), guestInput({ vcpus, maxVcpus: 4 }), 'tcg');
  expect(found.vcpus.applies).toBe(applies);
});

test('what was asked for last is written where it was asked for first', () => {
  const asked =
    "<domain><memory unit='MiB'>1024</memory><vcpu current='1'>4</vcpu><on_crash>destroy</on_crash></domain>";
  const smaller = withSizes(asked, { memoryMiB: 512 });
  expect(smaller).toContain("<currentMemory unit='MiB'>512</currentMemory>");
  expect(withSizes(smaller, { memoryMiB: 1024 })).not.toContain('currentMemory');
  expect(withSizes(asked, { vcpus: 3 })).toContain("<vcpu current='3'>4</vcpu>");
  expect(withSizes(asked, { vcpus: 4 })).toContain('<vcpu>4</vcpu>');
});
