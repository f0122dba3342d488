import { describe, expect, test } from 'vitest';
import { guestInput, hostContext } from '../../test/fixtures.ts';
import { checkCombination } from '../check-combination.ts';
import { compileGuest, renderDomain } from '../compile.ts';
import { requirements } from '../requirements.ts';

type Change = Parameters<typeof guestInput>[0];
const xml = (change: Change, host = {}) => renderDomain(compileGuest(guestInput(change), hostContext(host)));

describe('room to grow', () => {
  test('is in the machine, and the guest has what it is to have', () => {
    const given = xml({ vcpus: 2, maxVcpus: 4, memoryMiB: 512, maxMemoryMiB: 1024 });
    expect(given).toContain("<memory unit='MiB'>1024</memory>");
    expect(given).toContain("<currentMemory unit='MiB'>512</currentMemory>");
    expect(given).toContain("<vcpu current='2'>4</vcpu>");
    expect(given).toContain("<vcpu id='0' enabled='yes' hotpluggable='no'/>");
    expect(given).toContain("<vcpu id='1' enabled='yes' hotpluggable='yes'/>");
    expect(given).toContain("<vcpu id='3' enabled='no' hotpluggable='yes'/>");
    expect(given).toContain("<topology sockets='4' cores='1' threads='1'/>");
  });

  test('below what it has is none', () => {
    const given = xml({ vcpus: 2, maxVcpus: 1, memoryMiB: 512, maxMemoryMiB: 256 });
    expect(given).toContain("<memory unit='MiB'>512</memory>");
    expect(given).not.toContain('currentMemory');
    expect(given).toContain('<vcpu>2</vcpu>');
  });

  test('takes nothing of the node but what QEMU needs to keep track of it', () => {
    const [without, roomy] = [{}, { maxVcpus: 8, maxMemoryMiB: 512 + 256 * 10 }].map((change) =>
      requirements(guestInput(change)),
    );
    expect(roomy?.vcpus).toBe(without?.vcpus);
    expect(roomy?.memoryMiB).toBe((without?.memoryMiB ?? 0) + 10);
  });

  test.each<[string, Change, string]>([
    ['cells', { maxVcpus: 4, extraSpecs: { 'hw:numa_nodes': '1' } }, 'maxVcpus'],
    ['pinned CPUs', { maxVcpus: 4, extraSpecs: { 'hw:cpu_policy': 'dedicated' } }, 'maxVcpus'],
    ['huge pages', { maxMemoryMiB: 1024, extraSpecs: { 'hw:mem_page_size': 'large' } }, 'maxMemoryMiB'],
    [
      'a device of the host',
      { maxMemoryMiB: 1024, extraSpecs: { 'pci_passthrough:alias': 'gpu:1' } },
      'maxMemoryMiB',
    ],
    [
      'encrypted memory',
      {
        maxMemoryMiB: 1024,
        extraSpecs: { 'hw:mem_encryption': 'true' },
        imageProperties: { hw_firmware_type: 'uefi', hw_machine_type: 'q35' },
      },
      'maxMemoryMiB',
    ],
  ])('that %s rule out is refused, by name', (_, change, key) => {
    expect(() => checkCombination(guestInput(change))).toThrow(
      expect.objectContaining({ code: 'invalid_property', params: expect.objectContaining({ key }) }),
    );
  });

  test('counts for limits on the shape of the CPU', () => {
    const limits = {
      extraSpecs: { 'hw:cpu_max_sockets': '2', 'hw:cpu_max_cores': '1', 'hw:cpu_max_threads': '1' },
    };
    expect(() => checkCombination(guestInput({ vcpus: 2, ...limits }))).not.toThrow();
    expect(() => checkCombination(guestInput({ vcpus: 2, maxVcpus: 4, ...limits }))).toThrow(
      expect.objectContaining({ code: 'invalid_property' }),
    );
  });
});
