/** vCPUs: their shape, and which host CPUs they run on. */
import {
  boolean,
  built,
  cpuList,
  effect,
  type Family,
  family,
  integer,
  later,
  matching,
  newer,
  twin,
  twins,
  words,
} from '../key.ts';

const shape = ['sockets', 'cores', 'threads'].flatMap((part) => [
  {
    flavor: built(
      `hw:cpu_${part}`,
      integer(1, 65536),
      part === 'sockets' ? 'number of vCPUs' : '1',
      `Preferred ${part} of the guest’s CPU; a shape that the number of vCPUs does not allow is not taken.`,
      { ...effect(`cpu/topology@${part}`), ...twin(`hw_cpu_${part}`, 'image'), nova: 'InvalidRequest' },
    ),
    image: built(
      `hw_cpu_${part}`,
      integer(0, 65536),
      'the flavor’s',
      `Preferred ${part} of the guest’s CPU; any of the three in the image discards all three of the flavor.`,
      { ...effect(`cpu/topology@${part}`), ...twin(`hw:cpu_${part}`, 'image') },
    ),
  },
  {
    flavor: built(
      `hw:cpu_max_${part}`,
      integer(1, 65536),
      'no limit',
      `Most ${part} that the guest’s CPU may have.`,
      {
        aliases: [`hw:max_cpu_${part}`],
        ...effect(`cpu/topology@${part}`),
        ...twin(`hw_cpu_max_${part}`, 'lower'),
        nova: 'InvalidRequest',
      },
    ),
    image: built(
      `hw_cpu_max_${part}`,
      integer(0, 65536),
      'the flavor’s',
      `Most ${part} that the guest’s CPU may have.`,
      { ...effect(`cpu/topology@${part}`), ...twin(`hw:cpu_max_${part}`, 'lower') },
    ),
  },
]);

export const cpu: Family = family('CPU shape', [
  ...shape,
  twins(
    built,
    'maxphysaddr_mode',
    'equal',
    words(['passthrough', 'emulate']),
    'QEMU decides',
    'Where the width of physical addresses comes from: the host’s CPU, or hw:maxphysaddr_bits.',
    { ...newer, ...effect('cpu/maxphysaddr@mode') },
  ),
  twins(
    built,
    'maxphysaddr_bits',
    'equal',
    integer(32, 64),
    'QEMU decides',
    'Width of physical addresses; with mode emulate.',
    {
      ...newer,
      unit: 'bit',
      ...effect('cpu/maxphysaddr@bits'),
    },
  ),
]);

const realtimeMask = 'vCPUs that are realtime, or with ^ those that are not.';

export const pinning: Family = family(
  'Host CPUs',
  [
    twins(
      built,
      'cpu_policy',
      'flavor',
      words(['shared', 'dedicated', 'mixed']),
      'shared',
      'Whether each vCPU has a host CPU of its own; an image may not ask for more than a flavor that says shared or mixed.',
      {
        ...effect('cputune/vcpupin'),
        nova: 'InvalidCPUAllocationPolicy',
      },
    ),
    twins(
      built,
      'cpu_thread_policy',
      'refine',
      words(['prefer', 'isolate', 'require']),
      'prefer',
      'Whether pinned vCPUs use sibling threads of a core; the image decides where the flavor says nothing or prefer.',
      {
        ...effect('cputune/vcpupin'),
        nova: 'InvalidCPUThreadAllocationPolicy',
      },
    ),
  ],
  [
    built('hw:cpu_dedicated_mask', cpuList, 'none', 'vCPUs to pin with hw:cpu_policy=mixed.', {
      ...effect('cputune/vcpupin'),
      nova: 'Invalid',
    }),
    built(
      'hw:cpu_realtime',
      boolean,
      'false',
      'Realtime scheduling of vCPUs; the guest’s memory is locked and never merged.',
      {
        ...effect('cputune/vcpusched, memoryBacking/locked, memoryBacking/nosharepages'),
      },
    ),
    built('hw:cpu_realtime_mask', cpuList, 'none', realtimeMask, {
      ...effect('cputune/vcpusched@vcpus'),
      ...twin('hw_cpu_realtime_mask', 'image'),
      nova: 'Invalid',
    }),
    built(
      'hw:emulator_threads_policy',
      words(['share', 'isolate']),
      'with the vCPUs',
      'Where QEMU’s own threads run: on the node’s shared CPUs, or on a CPU of their own.',
      { ...effect('cputune/emulatorpin'), nova: 'InvalidEmulatorThreadsPolicy' },
    ),
  ],
  [
    built('hw_cpu_realtime_mask', cpuList, 'the flavor’s', realtimeMask, {
      ...effect('cputune/vcpusched@vcpus'),
      ...twin('hw:cpu_realtime_mask', 'image'),
      nova: 'Invalid',
    }),
  ],
);

const cellMap = (flavor: boolean) => {
  const prefix = flavor ? 'hw:' : 'hw_';
  const other = flavor ? 'hw_' : 'hw:';
  const bad = flavor ? {} : { nova: 'Invalid' };
  return [
    built(
      `${prefix}numa_cpus.N`,
      cpuList,
      'spread evenly',
      'vCPUs of cell N; said for every cell or for none.',
      {
        pattern: new RegExp(`^${prefix}numa_cpus\\.\\d{1,3}$`),
        ...effect('cpu/numa/cell@cpus'),
        ...twin(`${other}numa_cpus.N`, 'exclusive'),
        ...bad,
      },
    ),
    built(
      `${prefix}numa_mem.N`,
      integer(1),
      'spread evenly',
      'Memory of cell N; said for every cell or for none.',
      {
        pattern: new RegExp(`^${prefix}numa_mem\\.\\d{1,3}$`),
        unit: 'MiB',
        ...effect('cpu/numa/cell@memory'),
        ...twin(`${other}numa_mem.N`, 'exclusive'),
      },
    ),
  ];
};

export const numa: Family = family(
  'NUMA',
  [
    twins(
      built,
      'numa_nodes',
      'exclusive',
      { flavor: integer(1, 256), image: integer(-1, 256) },
      'none, or one where pages or pinning need a cell',
      'NUMA cells of the guest, each on a cell of the host.',
      { ...effect('cpu/numa/cell, numatune, cputune'), nova: 'InvalidNUMANodesNumber' },
    ),
    twins(
      built,
      'pci_numa_affinity_policy',
      'equal',
      words(['required', 'preferred', 'legacy', 'socket']),
      'legacy',
      'How near the guest’s PCI devices must be to its cells.',
      { nova: 'InvalidPCINUMAAffinity' },
    ),
  ],
  cellMap(true),
  cellMap(false),
);

export const accelerators: Family = family(
  'Devices of the host',
  [],
  [
    built(
      'pci_passthrough:alias',
      matching(
        /^[A-Za-z0-9_.-]{1,64}:\d{1,4}(\s*,\s*[A-Za-z0-9_.-]{1,64}:\d{1,4})*$/,
        'a list such as gpu:1',
      ),
      'none',
      'PCI devices of the host, by alias and number.',
      effect('devices/hostdev'),
    ),
    later('accel:device_profile', matching(/^.{1,255}$/u, 'a name'), 'none', 'Accelerators by profile.', {
      missing: 'nodes have no service for them',
    }),
    later(
      'hw:pmem',
      matching(/^([a-zA-Z0-9_]+,?)+$/, 'a list of labels'),
      'none',
      'Persistent memory devices of the host.',
      { missing: 'nodes do not tell their persistent memory', ...effect('devices/memory') },
    ),
  ],
);
