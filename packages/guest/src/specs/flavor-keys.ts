/** Nova's flavor extra specs. Sources: nova/api/validation/extra_specs/ (26.2.2) and Nova's release notes after it. */
import { watchdogActions } from '../elements/watchdog.ts';
import { anyText, boolean, built, integer, type Key, later, matching, words } from './key.ts';

/** Namespaces in which an unknown key is refused; other namespaces and bare names are the operator’s own. */
export const flavorNamespaces = [
  'accel',
  'aggregate_instance_extra_specs',
  'capabilities',
  'hw',
  'hw_rng',
  'hw_video',
  'os',
  'pci_passthrough',
  'quota',
  'resources',
  'trait',
  'vmware',
] as const;

const cpuList = matching(/^\^?[0-9]+([,-]\^?[0-9]+)*$/, 'a list of CPUs such as 0-3,^1');

const entropy: Key[] = [
  built('hw_rng:allowed', boolean, 'true', 'The guest has a virtio entropy source.'),
  built('hw_rng:rate_bytes', integer(0), 'no limit', 'Bytes of entropy that the guest may take per period.', {
    unit: 'B',
  }),
  built('hw_rng:rate_period', integer(0), 'none', 'The period of hw_rng:rate_bytes.', { unit: 'ms' }),
];

const behaviour: Key[] = [
  built(
    'hw:watchdog_action',
    words([...watchdogActions, 'disabled']),
    'disabled',
    'What happens when the guest stops feeding its i6300esb watchdog; the image property wins.',
  ),
  built('hw:pmu', boolean, 'QEMU decides', 'Virtual performance counters; must agree with the image.'),
  built(
    'hw:hide_hypervisor_id',
    boolean,
    'false',
    'Hide the hypervisor’s signature from CPUID; true in flavor or image suffices.',
    { aliases: ['hide_hypervisor_id'] },
  ),
];

const topology: Key[] = ['sockets', 'cores', 'threads'].flatMap((part) => [
  built(
    `hw:cpu_${part}`,
    integer(1, 65536),
    part === 'sockets' ? 'number of vCPUs' : '1',
    `Preferred ${part} of the guest’s CPU; any such value in the image discards all three of the flavor.`,
  ),
  built(
    `hw:cpu_max_${part}`,
    integer(1, 65536),
    'no limit',
    `Most ${part} that the guest’s CPU may have; the image may only lower it.`,
    { aliases: [`hw:max_cpu_${part}`] },
  ),
]);

const numaAndPinning: Key[] = [
  later('hw:numa_nodes', integer(1), 'none', 'NUMA cells of the guest.'),
  later('hw:numa_cpus.N', cpuList, 'spread evenly', 'vCPUs of cell N.', {
    pattern: /^hw:numa_cpus\.\d{1,3}$/,
  }),
  later('hw:numa_mem.N', integer(1), 'spread evenly', 'Memory of cell N.', {
    pattern: /^hw:numa_mem\.\d{1,3}$/,
    unit: 'MiB',
  }),
  later('hw:cpu_policy', words(['shared', 'dedicated', 'mixed']), 'shared', 'Pin vCPUs to host CPUs.', {
    harmless: ['shared'],
  }),
  later(
    'hw:cpu_thread_policy',
    words(['prefer', 'isolate', 'require']),
    'prefer',
    'Use of sibling threads.',
    {
      harmless: ['prefer'],
    },
  ),
  later('hw:cpu_dedicated_mask', cpuList, 'none', 'vCPUs to pin with hw:cpu_policy=mixed.'),
  later('hw:cpu_realtime', boolean, 'false', 'Realtime scheduling of vCPUs.', { harmless: ['false'] }),
  later('hw:cpu_realtime_mask', cpuList, 'none', 'vCPUs that are (not) realtime.'),
  later(
    'hw:emulator_threads_policy',
    words(['share', 'isolate']),
    'with the vCPUs',
    'Where QEMU’s threads run.',
  ),
  later(
    'hw:pci_numa_affinity_policy',
    words(['required', 'preferred', 'legacy', 'socket']),
    'legacy',
    'Distance of PCI devices.',
    {
      harmless: ['legacy'],
    },
  ),
];

const memory: Key[] = [
  later('hw:mem_page_size', anyText, 'small', 'Size of the pages behind the guest’s memory.'),
  later('hw:locked_memory', boolean, 'false', 'The guest’s memory is never swapped.', {
    harmless: ['false'],
  }),
  later('hw:mem_encryption', boolean, 'false', 'Encrypted guest memory.', { harmless: ['false'] }),
  later(
    'hw:mem_encryption_model',
    words(['amd-sev', 'amd-sev-es', 'amd-sev-snp']),
    'amd-sev',
    'Kind of memory encryption.',
    {
      since: 'after 26',
    },
  ),
  later('hw:pmem', anyText, 'none', 'Persistent memory devices.'),
  later(
    'hw:maxphysaddr_mode',
    words(['passthrough', 'emulate']),
    'QEMU decides',
    'Width of physical addresses.',
    {
      since: 'after 26',
    },
  ),
  later('hw:maxphysaddr_bits', integer(1, 64), 'QEMU decides', 'Width of physical addresses.', {
    since: 'after 26',
    unit: 'bit',
  }),
];

const devices: Key[] = [
  later('hw:boot_menu', boolean, 'false', 'The firmware’s boot menu.', { harmless: ['false'] }),
  later('hw:vif_multiqueue_enabled', boolean, 'false', 'A queue per vCPU on each NIC.', {
    harmless: ['false'],
  }),
  later('hw:serial_port_count', integer(0), '1', 'Serial ports.', { harmless: ['0', '1'] }),
  later('hw:tpm_version', words(['1.2', '2.0']), 'no TPM', 'A virtual TPM.'),
  later('hw:tpm_model', words(['tpm-tis', 'tpm-crb']), 'tpm-tis', 'Its model.'),
  later('hw:tpm_secret_security', words(['user', 'host', 'deployment']), 'user', 'Who may read its secret.', {
    since: 'after 26',
  }),
  later('os:secure_boot', words(['required', 'disabled', 'optional']), 'disabled', 'UEFI Secure Boot.', {
    harmless: ['disabled'],
  }),
  later('hw:viommu_model', words(['intel', 'smmuv3', 'virtio', 'auto']), 'none', 'A virtual IOMMU.'),
  later('hw_video:ram_max_mb', integer(0), '0', 'Most video memory that an image may ask for.', {
    unit: 'MiB',
    harmless: ['0'],
  }),
  later('hw:virtio_packed_ring', boolean, 'false', 'Packed virtqueues.', {
    since: 'after 26',
    harmless: ['false'],
  }),
  later('hw:sound_model', anyText, 'none', 'A sound card.', { since: 'after 26' }),
  later('hw:usb_model', anyText, 'none', 'A USB controller.', { since: 'after 26', harmless: ['none'] }),
  later('hw:redirected_usb_ports', integer(0, 15), '0', 'USB ports for redirection.', {
    since: 'after 26',
    harmless: ['0'],
  }),
  later('hw:ephemeral_encryption', boolean, 'false', 'Encrypted local disks.', { harmless: ['false'] }),
  later(
    'hw:ephemeral_encryption_format',
    words(['plain', 'luks', 'luksv2']),
    'luks',
    'Format of the encryption.',
  ),
  later('pci_passthrough:alias', anyText, 'none', 'PCI devices of the host.'),
  later('accel:device_profile', anyText, 'none', 'Accelerators.'),
];

const limits: Key[] = [
  later('quota:cpu_shares', integer(0), 'the host’s default', 'Weight of the guest’s CPU time.'),
  later('quota:cpu_period', integer(0), 'the host’s default', 'Period of quota:cpu_quota.', { unit: 'µs' }),
  later('quota:cpu_quota', integer(-1), 'no limit', 'CPU time per period and vCPU.', { unit: 'µs' }),
  ...['read', 'write', 'total'].flatMap((way) => [
    later(`quota:disk_${way}_bytes_sec`, integer(0), 'no limit', `Limit of disk throughput (${way}).`, {
      unit: 'B/s',
      harmless: ['0'],
    }),
    later(`quota:disk_${way}_iops_sec`, integer(0), 'no limit', `Limit of disk operations (${way}).`, {
      unit: '1/s',
      harmless: ['0'],
    }),
  ]),
  ...['inbound', 'outbound'].flatMap((way) => [
    later(`quota:vif_${way}_average`, integer(0), 'no limit', `Average ${way} traffic.`, { unit: 'kB/s' }),
    later(`quota:vif_${way}_peak`, integer(0), 'no limit', `Peak of ${way} traffic.`, { unit: 'kB/s' }),
    later(`quota:vif_${way}_burst`, integer(0), 'no limit', `Burst of ${way} traffic.`, { unit: 'kB' }),
  ]),
];

const scheduling: Key[] = [
  later('resources:CLASS', integer(0), 'none', 'Resources that the node must offer.', {
    pattern: /^resources\w*:[A-Z0-9_]+$/,
  }),
  later('trait:NAME', words(['required', 'forbidden']), 'none', 'Traits that the node must (not) have.', {
    pattern: /^trait\w*:[A-Z0-9_]+$/,
  }),
  later(
    'aggregate_instance_extra_specs:KEY',
    anyText,
    'none',
    'Matched against metadata of host aggregates.',
    {
      pattern: /^aggregate_instance_extra_specs:.+$/,
    },
  ),
  later('capabilities:KEY', anyText, 'none', 'Matched against capabilities of hosts.', {
    pattern: /^capabilities:.+$/,
  }),
  later('group_policy', words(['none', 'isolate']), 'none', 'How groups of resources are placed.', {
    harmless: ['none'],
  }),
];

export const flavorKeys: readonly Key[] = [
  ...entropy,
  ...behaviour,
  ...topology,
  ...numaAndPinning,
  ...memory,
  ...devices,
  ...limits,
  ...scheduling,
];
