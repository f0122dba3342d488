/** Machine, firmware, trusted boot. */
import {
  boolean,
  built,
  byNode,
  effect,
  type Family,
  family,
  later,
  matching,
  newer,
  twin,
  twins,
  words,
} from '../key.ts';
import { architectureWords } from './scheduling.ts';

const secureBoot = 'UEFI Secure Boot; required needs hw_firmware_type=uefi and, on x86, a q35 machine.';
const ioMmu = words(['intel', 'smmuv3', 'virtio', 'auto']);

export const machine: Family = family(
  'Machine and firmware',
  [
    twins(
      built,
      'boot_menu',
      'image',
      boolean,
      'false',
      'The firmware’s boot menu.',
      effect('os/bootmenu@enable'),
    ),
    twins(
      built,
      'tpm_version',
      'equal',
      words(['1.2', '2.0']),
      'no TPM',
      'An emulated TPM of that version.',
      { ...effect('devices/tpm/backend@version'), nova: 'Invalid' },
    ),
    twins(
      built,
      'tpm_model',
      'equal',
      words(['tpm-tis', 'tpm-crb']),
      'tpm-tis',
      'Model of the TPM; tpm-crb needs version 2.0. Needs hw:tpm_version.',
      { ...effect('devices/tpm@model'), nova: 'Invalid' },
    ),
    twins(
      built,
      'viommu_model',
      'flavor',
      ioMmu,
      'none',
      'A virtual IOMMU; needs a q35 machine on x86 (intel, virtio), a virt machine on ARM (smmuv3, virtio).',
      { ...effect('devices/iommu@model, features/ioapic@driver') },
    ),
    twins(
      built,
      'virtio_packed_ring',
      'equal',
      boolean,
      'false',
      'Packed virtqueues: a faster layout that the guest’s drivers must know.',
      { ...newer, ...effect('driver@packed of virtio devices') },
    ),
  ],
  [
    later(
      'hw:tpm_secret_security',
      words(['user', 'host', 'deployment']),
      'user',
      'Who may read the secret of the TPM’s state.',
      { ...newer, ...byNode },
    ),
    built('os:secure_boot', words(['required', 'disabled']), 'disabled', secureBoot, {
      ...effect('os/loader@secure, features/smm@state'),
      ...twin('os_secure_boot', 'equal'),
      nova: 'Invalid',
    }),
  ],
  [
    built(
      'hw_machine_type',
      matching(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a QEMU machine type such as pc, q35 or pc-q35-7.2'),
      'pc on x86_64, virt on aarch64',
      'QEMU machine type; recorded at the first start, so that a newer default does not change a guest.',
      { ...effect('os/type@machine'), nova: 'InvalidMachineType' },
    ),
    built('hw_firmware_type', words(['bios', 'uefi']), 'bios; uefi on aarch64', 'Firmware.', {
      ...effect('os/loader, os/nvram'),
    }),
    built('hw_firmware_stateless', boolean, 'false', 'UEFI that keeps no variables.', {
      ...newer,
      ...effect('os/loader@stateless'),
    }),
    built('os_secure_boot', words(['required', 'disabled', 'optional']), 'disabled', secureBoot, {
      ...effect('os/loader@secure, features/smm@state'),
      ...twin('os:secure_boot', 'equal'),
    }),
    later(
      'os_command_line',
      matching(/^[\x20-\x7e]{0,1024}$/, 'one line of ASCII text'),
      'root=DEVICE and consoles',
      'Kernel command line of a direct kernel boot.',
      { ...effect('os/cmdline'), missing: 'on a cluster the instance’s own boot arguments say it' },
    ),
    later('hw_ipxe_boot', boolean, 'false', 'Boot from the network.', {
      harmless: ['false'],
      missing: 'not built',
    }),
    later(
      'hw_emulation_architecture',
      architectureWords,
      'none',
      'Emulate another architecture than the node’s.',
      {
        ...byPlacement(),
        ...effect('domain@type, os/type@arch, cpu/model'),
      },
    ),
  ],
);

function byPlacement() {
  return { missing: 'nodes run guests of their own architecture only' } as const;
}
