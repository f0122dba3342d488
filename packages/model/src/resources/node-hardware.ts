/** What a node’s hardware, kernel and hypervisor can do for guests, as its agent found it. */
import { count, optional, positive, recordOf, type Static, strict, Type } from '../schema.ts';
import { MiB } from '../units.ts';
import { CpuDefinition } from './cpu.ts';

/** Numbers of logical CPUs, as the kernel counts them. */
export const CpuNumbers = Type.Array(Type.Integer({ minimum: 0, maximum: 65_535 }), {
  description: 'logical CPUs by number, ascending',
});

/** What some guests need and some nodes cannot. */
export const Ability = strict({
  usable: Type.Boolean(),
  reason: Type.String({ description: 'why not, or by what' }),
});
export type Ability = Static<typeof Ability>;

export const Abilities = strict(
  {
    cpuTime: Ability,
    lockedMemory: Ability,
    trafficLimits: Ability,
    uefi: Ability,
    secureBoot: Ability,
    tpm: Ability,
    memoryEncryption: Ability,
    pciPassthrough: Ability,
  },
  { description: 'what some guests need and some nodes cannot, with the reason' },
);
export type AbilityName = keyof Static<typeof Abilities>;

export const NodeCell = strict(
  {
    id: count('as the kernel numbers it'),
    memoryMiB: MiB('memory of the cell'),
    cores: Type.Array(CpuNumbers, { description: 'threads of one core each' }),
    pages: Type.Array(
      strict({
        sizeKiB: positive('size of a page, KiB'),
        total: count('pages of that size, taken or free'),
      }),
      { description: 'by size, ascending; the smallest are the ordinary ones' },
    ),
    distances: optional(
      Type.Array(strict({ cell: count('other cell'), value: count('10 is the cell itself') })),
    ),
  },
  { description: 'a NUMA cell' },
);
export type NodeCell = Static<typeof NodeCell>;

/** https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/firmware.json */
export const NodeFirmware = strict(
  {
    loader: Type.String({ description: 'file with the code' }),
    variables: optional(Type.String({ description: 'template of the variables' })),
    architecture: Type.String(),
    machines: Type.Array(Type.String(), { description: 'machine types, with *' }),
    features: Type.Array(Type.String()),
  },
  { description: 'UEFI firmware' },
);
export type NodeFirmware = Static<typeof NodeFirmware>;

export const PciAddress = Type.String({
  pattern: '^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]$',
  description: 'PCI address, such as 0000:81:00.0',
});

export const PciFunction = strict(
  {
    address: PciAddress,
    vendor: Type.String({ pattern: '^[0-9a-f]{4}$' }),
    product: Type.String({ pattern: '^[0-9a-f]{4}$' }),
    cell: optional(count('NUMA cell that it is attached to')),
    iommuGroup: optional(count('devices of one group go to one guest only')),
  },
  { description: 'a PCI function that could be given to a guest' },
);
export type PciFunction = Static<typeof PciFunction>;

export const NodeHardware = strict({
  cells: Type.Array(NodeCell),
  machineAliases: recordOf('^[A-Za-z0-9._-]{1,64}$', Type.String(), {
    description: 'versioned names of machine types by their short ones',
  }),
  cpuModels: Type.Array(Type.String(), { description: 'CPU models that libvirt knows here' }),
  cpuFeatures: Type.Array(Type.String(), { description: 'CPU features that guests can have here' }),
  hostModel: optional(CpuDefinition),
  firmware: Type.Array(NodeFirmware, { description: 'in the order in which QEMU prefers them' }),
  tpm: strict({ versions: Type.Array(Type.String()), models: Type.Array(Type.String()) }),
  memoryEncryption: optional(
    strict({
      cbitPosition: count('bit of an address that says encrypted'),
      reducedPhysBits: count('address bits that encryption takes'),
    }),
  ),
  diskBuses: Type.Array(Type.String()),
  videoModels: Type.Array(Type.String()),
  pciFunctions: Type.Array(PciFunction),
  abilities: Abilities,
});
export type NodeHardware = Static<typeof NodeHardware>;
