import type { NodeHardware } from '@gantry/model';

const yes = { usable: true, reason: 'tried' };
/** Two cells of four CPUs, huge pages, a PCI device; to vary in tests. */
export const fakeHardware = (changes: Partial<NodeHardware> = {}): NodeHardware => ({
  cells: [0, 1].map((id) => ({
    id,
    memoryMiB: 4096,
    cores: [0, 1, 2, 3].map((core) => [id * 4 + core]),
    pages: [
      { sizeKiB: 4, total: 2 ** 20 },
      { sizeKiB: 2048, total: 512 },
    ],
  })),
  machineAliases: {},
  cpuModels: [],
  cpuFeatures: [],
  firmware: [],
  tpm: { versions: [], models: [] },
  diskBuses: ['virtio'],
  videoModels: ['virtio'],
  pciFunctions: [{ address: '0000:81:00.0', vendor: '10de', product: '2330', cell: 1, iommuGroup: 1 }],
  abilities: {
    cpuTime: yes,
    lockedMemory: yes,
    trafficLimits: { usable: false, reason: 'the kernel has no sfq for traffic' },
    uefi: { usable: false, reason: 'none' },
    secureBoot: { usable: false, reason: 'none' },
    tpm: { usable: false, reason: 'none' },
    memoryEncryption: { usable: false, reason: 'none' },
    pciPassthrough: yes,
  },
  ...changes,
});
