/** A node of two NUMA cells with four cores of two threads each, to vary in tests. */
import type { NodeFacts, NodeHardware } from '@gantry/model';
import type { NodeOffer } from '../src/index.ts';

const yes = { usable: true, reason: 'tried' };
const pages = [
  { sizeKiB: 4, total: 2 ** 20 },
  { sizeKiB: 2048, total: 1024 },
];

export const hardware = (changes: Partial<NodeHardware> = {}): NodeHardware => ({
  cells: [0, 1].map((id) => ({
    id,
    memoryMiB: 8192,
    cores: [0, 1, 2, 3].map((core) => [id * 4 + core, 8 + id * 4 + core]),
    pages,
  })),
  machineAliases: { pc: 'pc-i440fx-7.2', q35: 'pc-q35-7.2' },
  cpuModels: ['qemu64', 'EPYC'],
  cpuFeatures: ['avx', 'avx2'],
  firmware: [
    {
      loader: '/fw/secure.fd',
      variables: '/fw/vars.fd',
      architecture: 'x86_64',
      machines: ['pc-q35-*'],
      features: ['secure-boot', 'requires-smm'],
    },
    {
      loader: '/fw/plain.fd',
      variables: '/fw/vars.fd',
      architecture: 'x86_64',
      machines: ['pc-q35-*', 'pc-i440fx-*'],
      features: [],
    },
  ],
  tpm: { versions: ['2.0'], models: ['tpm-tis', 'tpm-crb'] },
  diskBuses: ['virtio', 'scsi', 'sata'],
  videoModels: ['virtio', 'vga'],
  pciFunctions: [
    { address: '0000:01:00.0', vendor: '10de', product: '2330', cell: 0, iommuGroup: 1 },
    { address: '0000:81:00.0', vendor: '10de', product: '2330', cell: 1, iommuGroup: 2 },
    { address: '0000:81:00.1', vendor: '10de', product: '22bb', cell: 1, iommuGroup: 2 },
  ],
  abilities: {
    cpuTime: yes,
    lockedMemory: yes,
    trafficLimits: yes,
    uefi: yes,
    secureBoot: yes,
    tpm: yes,
    memoryEncryption: { usable: false, reason: 'libvirt finds no AMD SEV' },
    pciPassthrough: yes,
  },
  ...changes,
});

export const nodeFacts = (changes: Partial<NodeFacts> = {}): NodeFacts => ({
  hostname: 'n1',
  architecture: 'x86_64',
  cpus: 16,
  cpuModel: 'fake',
  memoryMiB: 16384,
  kernel: '6.1.0',
  libvirtVersion: '9.0.0',
  qemuVersion: '7.2.0',
  machineTypes: ['pc', 'pc-i440fx-7.2', 'q35', 'pc-q35-7.2'],
  accelerator: { kvm: true, reason: 'fake' },
  hardware: hardware(),
  agentVersion: '0',
  capabilities: [],
  ...changes,
});

export const offer = (changes: Partial<NodeOffer> = {}): NodeOffer => ({
  facts: nodeFacts(),
  host: {},
  bound: [],
  free: { VCPU: 64, MEMORY_MB: 16384, DISK_GB: 100 },
  ...changes,
});
