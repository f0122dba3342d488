/** Nova's image properties. Source: nova/objects/image_meta.py and nova/objects/fields.py (26.2.2), release notes after it. */
import { diskBuses } from '../elements/disk.ts';
import { nicModels } from '../elements/interface.ts';
import { videoModels } from '../elements/video.ts';
import { watchdogActions } from '../elements/watchdog.ts';
import { anyText, boolean, built, inert, integer, type Key, later, matching, words } from './key.ts';

/** Names with these beginnings are Nova’s: an unknown one is refused. Others are the operator’s own and have no effect. */
export const imagePrefixes = ['hw_', 'os_', 'img_', 'trait:'] as const;

const otherHypervisor = 'it belongs to another hypervisor';

const hardware: Key[] = [
  built(
    'hw_disk_bus',
    words(diskBuses, {
      refused: {
        xen: otherHypervisor,
        lxc: otherHypervisor,
        uml: otherHypervisor,
        fdc: 'disks on a floppy controller are not built',
      },
      anyCase: true,
    }),
    'virtio',
    'Bus of the disks.',
  ),
  built(
    'hw_vif_model',
    words(nicModels, {
      refused: {
        netfront: otherHypervisor,
        'spapr-vlan': 'it exists on POWER machines only',
        lan9118: 'it exists on ARM boards only',
        sriov: 'SR-IOV NICs are not built',
        vmxnet: otherHypervisor,
        vmxnet2: otherHypervisor,
      },
      aliases: {
        virtuale1000: 'e1000',
        virtuale1000e: 'e1000e',
        virtualpcnet32: 'pcnet',
        virtualvmxnet: 'vmxnet',
        virtualvmxnet3: 'vmxnet3',
        virtualsriovethernetcard: 'sriov',
      },
    }),
    'virtio',
    'Model of the NICs.',
  ),
  built(
    'hw_video_model',
    words(videoModels, {
      refused: { xen: otherHypervisor, gop: 'libvirt’s QEMU driver has no such model' },
    }),
    'virtio',
    'Model of the graphics card.',
  ),
  built(
    'hw_machine_type',
    matching(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a QEMU machine type such as pc, q35 or pc-q35-7.2'),
    'pc on x86_64, virt on aarch64',
    'QEMU machine type.',
  ),
  built(
    'hw_watchdog_action',
    words([...watchdogActions, 'disabled']),
    'disabled',
    'What happens when the guest stops feeding its i6300esb watchdog; wins over the flavor.',
  ),
  built('hw_qemu_guest_agent', boolean, 'true', 'A channel for QEMU’s guest agent.'),
  built('hw_pmu', boolean, 'QEMU decides', 'Virtual performance counters; must agree with the flavor.'),
  built('hw_time_hpet', boolean, 'false', 'The guest has an HPET.'),
  built('img_hide_hypervisor_id', boolean, 'false', 'Hide the hypervisor’s signature from CPUID.'),
  ...['sockets', 'cores', 'threads'].flatMap((part) => [
    built(`hw_cpu_${part}`, integer(1, 65536), 'the flavor’s', `Preferred ${part} of the guest’s CPU.`),
    built(`hw_cpu_max_${part}`, integer(1, 65536), 'the flavor’s', `Most ${part} of the guest’s CPU.`),
  ]),
];

const system: Key[] = [
  built(
    'os_type',
    words(['linux', 'windows'], { anyCase: true }),
    'linux',
    'Windows gets a clock in local time, Hyper-V interfaces and a USB tablet.',
  ),
  built(
    'hw_architecture',
    words(['x86_64', 'aarch64'], {
      aliases: { amd64: 'x86_64', arm64: 'aarch64', i386: 'i686' },
      refused: { i686: '32-bit machines are not built; the system may well be 32-bit on x86_64' },
      anyCase: true,
    }),
    'the node’s',
    'Architecture that the image needs.',
    { aliases: ['architecture'] },
  ),
  built('img_hv_type', words(['kvm', 'qemu'], { anyCase: true }), 'any', 'Hypervisor that the image needs.', {
    aliases: ['hypervisor_type'],
  }),
  built(
    'hw_vm_mode',
    words(['hvm'], { aliases: { hv: 'hvm' }, anyCase: true }),
    'hvm',
    'Kind of virtualisation.',
    {
      aliases: ['vm_mode'],
    },
  ),
];

const notBuilt: Key[] = [
  later('hw_cdrom_bus', anyText, 'as the machine has it', 'Bus of CD-ROM drives.'),
  later('hw_floppy_bus', anyText, 'fdc', 'Bus of floppy drives.', { harmless: ['fdc'] }),
  later('hw_scsi_model', anyText, 'virtio-scsi', 'Model of the SCSI controller.', {
    harmless: ['virtio-scsi'],
  }),
  later('hw_video_ram', integer(1), 'QEMU decides', 'Video memory.', { unit: 'MiB' }),
  later('hw_input_bus', words(['usb', 'virtio']), 'none', 'Bus of tablet and keyboard.'),
  later('hw_pointer_model', words(['usbtablet']), 'none', 'Pointer device.'),
  later('hw_firmware_type', words(['bios', 'uefi']), 'bios', 'Firmware.', { harmless: ['bios'] }),
  later('hw_firmware_stateless', boolean, 'false', 'Firmware without variables.', {
    since: 'after 26',
    harmless: ['false'],
  }),
  later('hw_boot_menu', boolean, 'false', 'The firmware’s boot menu.', { harmless: ['false'] }),
  later('hw_vif_multiqueue_enabled', boolean, 'false', 'A queue per vCPU on each NIC.', {
    harmless: ['false'],
  }),
  later('hw_serial_port_count', integer(0), '1', 'Serial ports.', { harmless: ['0', '1'] }),
  later('hw_tpm_version', words(['1.2', '2.0']), 'no TPM', 'A virtual TPM.'),
  later('hw_tpm_model', words(['tpm-tis', 'tpm-crb']), 'tpm-tis', 'Its model.'),
  later('os_secure_boot', words(['required', 'disabled', 'optional']), 'disabled', 'UEFI Secure Boot.', {
    harmless: ['disabled', 'optional'],
  }),
  later('hw_viommu_model', anyText, 'none', 'A virtual IOMMU.'),
  later('hw_virtio_packed_ring', boolean, 'false', 'Packed virtqueues.', {
    since: 'after 26',
    harmless: ['false'],
  }),
  later('hw_sound_model', anyText, 'none', 'A sound card.', { since: 'after 26' }),
  later('hw_usb_model', anyText, 'none', 'A USB controller.', { since: 'after 26', harmless: ['none'] }),
  later('hw_redirected_usb_ports', integer(0, 15), '0', 'USB ports for redirection.', {
    since: 'after 26',
    harmless: ['0'],
  }),
  later('hw_maxphysaddr_mode', anyText, 'QEMU decides', 'Width of physical addresses.', {
    since: 'after 26',
  }),
  later('hw_maxphysaddr_bits', integer(1, 64), 'QEMU decides', 'Width of physical addresses.', {
    since: 'after 26',
  }),
  later('hw_ephemeral_encryption', boolean, 'false', 'Encrypted local disks.', { harmless: ['false'] }),
  later('hw_ephemeral_encryption_format', anyText, 'luks', 'Format of the encryption.'),
  later('hw_ephemeral_encryption_secret_uuid', anyText, 'none', 'Its secret.', { since: 'after 26' }),
  later('hw_mem_page_size', anyText, 'small', 'Size of the pages behind the guest’s memory.'),
  later('hw_locked_memory', boolean, 'false', 'The guest’s memory is never swapped.', {
    harmless: ['false'],
  }),
  later('hw_mem_encryption', boolean, 'false', 'Encrypted guest memory.', { harmless: ['false'] }),
  later('hw_mem_encryption_model', anyText, 'amd-sev', 'Kind of memory encryption.', { since: 'after 26' }),
  later('hw_numa_nodes', integer(1), 'none', 'NUMA cells of the guest.'),
  later('hw_numa_cpus.N', anyText, 'spread evenly', 'vCPUs of cell N.', {
    pattern: /^hw_numa_cpus\.\d{1,3}$/,
  }),
  later('hw_numa_mem.N', integer(1), 'spread evenly', 'Memory of cell N.', {
    pattern: /^hw_numa_mem\.\d{1,3}$/,
  }),
  later('hw_cpu_policy', words(['shared', 'dedicated', 'mixed']), 'shared', 'Pin vCPUs to host CPUs.', {
    harmless: ['shared'],
  }),
  later(
    'hw_cpu_thread_policy',
    words(['prefer', 'isolate', 'require']),
    'prefer',
    'Use of sibling threads.',
    {
      harmless: ['prefer'],
    },
  ),
  later('hw_cpu_realtime_mask', anyText, 'none', 'vCPUs that are (not) realtime.'),
  later('hw_emulator_threads_policy', anyText, 'with the vCPUs', 'Where QEMU’s threads run.'),
  later('hw_pci_numa_affinity_policy', anyText, 'legacy', 'Distance of PCI devices.', {
    harmless: ['legacy'],
  }),
  later('hw_emulation_architecture', anyText, 'none', 'Emulate another architecture than the node’s.'),
  later('hw_rescue_bus', anyText, 'as the disks', 'Bus of the rescue disk.'),
  later('hw_rescue_device', anyText, 'disk', 'Kind of the rescue disk.'),
  later('hw_ipxe_boot', boolean, 'false', 'Boot from the network.', { harmless: ['false'] }),
  later(
    'os_command_line',
    anyText,
    'none',
    'Kernel command line; Gantry has the instance’s boot arguments for it.',
  ),
  later('os_require_quiesce', boolean, 'false', 'Fail snapshots that cannot freeze the guest.', {
    harmless: ['false'],
  }),
  later('img_config_drive', words(['optional', 'mandatory']), 'optional', 'Seed on a drive.', {
    harmless: ['optional'],
  }),
  later('img_hv_requested_version', anyText, 'any', 'Hypervisor version that the image needs.', {
    aliases: ['hypervisor_version_requires'],
  }),
  later('trait:NAME', words(['required', 'forbidden']), 'none', 'Traits that the node must (not) have.', {
    pattern: /^trait:[A-Z0-9_]+$/,
  }),
];

const withoutEffect: Key[] = [
  inert('hw_rng_model', words(['virtio']), 'virtio', 'Model of the entropy source.'),
  inert('hw_disk_type', anyText, 'none', 'Preallocation under other hypervisors.'),
  inert('hw_auto_disk_config', anyText, 'none', 'Resizing of partitions under other hypervisors.', {
    aliases: ['auto_disk_config'],
  }),
  inert('hw_device_id', anyText, 'none', 'Used by other hypervisors.'),
  ...[
    'os_distro',
    'os_version',
    'os_admin_user',
    'os_skip_agent_inject_files_at_boot',
    'os_skip_agent_inject_ssh',
  ].map((key) => inert(key, anyText, 'none', 'Describes the system in the image.')),
  ...[
    'img_bdm_v2',
    'img_bittorrent',
    'img_block_device_mapping',
    'img_cache_in_nova',
    'img_compression_level',
    'img_linked_clone',
    'img_mappings',
    'img_owner_id',
    'img_root_device_name',
    'img_use_agent',
    'img_version',
  ].map((key) => inert(key, anyText, 'none', 'Bookkeeping of Nova’s image service.')),
  ...[
    'img_signature',
    'img_signature_hash_method',
    'img_signature_certificate_uuid',
    'img_signature_key_type',
  ].map((key) => later(key, anyText, 'none', 'Signature of the image.')),
];

export const imageKeys: readonly Key[] = [...hardware, ...system, ...notBuilt, ...withoutEffect];
