/** Can this node take it? Each test that fails says so with numbers where it is about numbers. */
import type { NodeCapacity, Rejection, Requirements } from '@gantry/model';
import { defaultPolicy, type PlacementPolicy } from './policy.ts';

export const tests = [
  'role',
  'state',
  'architecture',
  'machine-type',
  'size',
  'memory',
  'vcpus',
  'disk',
] as const;
export type TestName = (typeof tests)[number];

type Test = (node: NodeCapacity, needs: Requirements, policy: PlacementPolicy) => Omit<Rejection, 'test'>[];

const table: Record<TestName, Test> = {
  role: ({ role }) => (role === 'active' ? [] : [{ message: role }]),
  state: ({ state }) => (state === 'ready' ? [] : [{ message: `not ready: ${state}` }]),
  architecture: (node, { architecture }) =>
    architecture === undefined || node.architecture === architecture
      ? []
      : [{ message: `architecture ${node.architecture || 'unknown'}, not ${architecture}` }],
  'machine-type': (node, { machineType }) =>
    machineType === undefined || knowsMachine(node.machineTypes, machineType)
      ? []
      : [{ message: `no machine type ${machineType}` }],
  size: ({ policy: { sizes = [] } = {} }, { sizes: asked }) =>
    sizes.flatMap((bound) => outside(bound, asked)),
  memory: (node, { memoryMiB }, policy) => short('memory', memoryMiB, freeMemoryMiB(node, policy), 'MiB'),
  vcpus: (node, { vcpus }, policy) => short('vCPUs', vcpus, freeVcpus(node, policy), 'vCPUs'),
  disk: (node, { diskMiB }) =>
    Object.entries(diskMiB).flatMap(([storage, needed]) =>
      needed === 0
        ? []
        : !Object.hasOwn(node.storage, storage)
          ? [{ message: `does not report a storage ${storage}` }]
          : short(`disk in ${storage}`, needed, freeDiskMiB(node, storage), 'MiB'),
    ),
};

/** What stands against a node beside its numbers: its hardware, its traits. */
export type Judge = (node: NodeCapacity) => readonly Rejection[];

/** A node that fails one of these is not measured further: its numbers are old or do not matter. */
const first: readonly TestName[] = ['role', 'state'];

/** Everything that stands against it; empty: it can. */
export const rejectionsOf = (
  node: NodeCapacity,
  needs: Requirements,
  policy: PlacementPolicy,
  judge: Judge = () => [],
): Rejection[] => {
  const run = (names: readonly TestName[]) =>
    names.flatMap((test) => table[test](node, needs, policy).map((rejection) => ({ test, ...rejection })));
  const unavailable = run(first);
  if (unavailable.length > 0) return unavailable;
  return [...run(tests.filter((test) => !first.includes(test))), ...judge(node)];
};

export const reservedMiB = (node: NodeCapacity, policy: PlacementPolicy): number =>
  node.policy?.reservedMemoryMiB ?? policy.hostReserveMiB;
export const vcpuRatio = (node: NodeCapacity, policy: PlacementPolicy): number =>
  node.policy?.vcpuRatio ?? policy.vcpuRatio;

/** Not negative. */
export const freeMemoryMiB = (node: NodeCapacity, policy: PlacementPolicy = defaultPolicy): number =>
  Math.max(0, node.memoryMiB - reservedMiB(node, policy) - node.memoryUsedMiB);

export const freeVcpus = (node: NodeCapacity, policy: PlacementPolicy = defaultPolicy): number =>
  Math.max(0, Math.floor(node.cpus * vcpuRatio(node, policy)) - node.vcpusUsed);

/** What is free and not promised to disks that have not grown yet. */
export function freeDiskMiB({ storage }: NodeCapacity, name: string): number {
  const pool = Object.hasOwn(storage, name) ? storage[name] : undefined;
  return pool ? Math.max(0, pool.freeMiB - pool.claimedMiB) : 0;
}

/** `pc` and `q35` are aliases which libvirt resolves; versioned types must be listed. A node that lists none is trusted. */
const knowsMachine = (known: string[], wanted: string): boolean =>
  known.length === 0 || known.some((type) => type === wanted || type.startsWith(`pc-${wanted}-`));

type Size = NonNullable<NonNullable<NodeCapacity['policy']>['sizes']>[number];

function outside({ of: what, least, most }: Size, asked: Requirements['sizes']): Omit<Rejection, 'test'>[] {
  const size = asked?.[what];
  const unit = what === 'memory' || what === 'disk' ? 'MiB' : what;
  if (size && most !== undefined && size.most > most)
    return [{ message: `${what}: at most ${most} ${unit} are allowed here, not ${size.most}` }];
  if (size && least !== undefined && size.least < least)
    return [{ message: `${what}: at least ${least} ${unit} are asked here, not ${size.least}` }];
  return [];
}

const short = (what: string, needed: number, available: number, unit: string): Omit<Rejection, 'test'>[] =>
  needed <= available
    ? []
    : [{ message: `${what}: short by ${needed - available} ${unit}`, needed, available, unit }];
