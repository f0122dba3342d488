/** Why no node can take it, and which ways out would work: each is tried before it is suggested. */
import {
  err,
  formatBytes,
  type GantryError,
  type NodeCapacity,
  type PlacementDecision,
  type Rejection,
  type Requirements,
} from '@gantry/model';
import { freeMemoryMiB, freeVcpus, type Judge } from './feasible.ts';
import { place } from './place.ts';
import { defaultPolicy, type PlacementPolicy } from './policy.ts';

const MIB = 2 ** 20;

/** `no_capacity`, or `disk_too_large` when nothing but the disk stands against it on every node. */
export function refusal(
  name: string,
  nodes: readonly NodeCapacity[],
  needs: Requirements,
  decision: PlacementDecision,
  { policy = defaultPolicy, judge }: { policy?: PlacementPolicy; judge?: Judge } = {},
): GantryError {
  const all = decision.verdicts.flatMap((verdict) => verdict.rejections);
  const perNode = decision.verdicts.map(({ rejections }) => rejections);
  if (perNode.length > 0 && perNode.every((list) => list.every(({ test }) => test === 'disk'))) {
    const size = formatBytes(sum(Object.values(needs.diskMiB)) * MIB);
    return err('disk_too_large', {
      size,
      why: `${looked(decision)}: ${count(all, 'disk')}`,
    });
  }
  const why = decision.lookedAt === 0 ? 'there is no node' : `${looked(decision)}: ${summary(all)}`;
  return err('no_capacity', { name, why, waysOut: waysOut(nodes, needs, policy, judge).join(' · ') });
}

const looked = ({ lookedAt }: PlacementDecision): string =>
  `${lookedAt} node${lookedAt === 1 ? '' : 's'} looked at`;

function summary(all: Rejection[]): string {
  const names = [...new Set(all.map(({ test }) => test))];
  return names.map((test) => count(all, test)).join(', ');
}

/** "4 memory (best: 41.0 GiB free, short by 23.0 GiB)". */
function count(all: Rejection[], test: string): string {
  const those = all.filter((rejection) => rejection.test === test);
  const numbers = those.filter(({ available }) => available !== undefined);
  const best = numbers.toSorted((a, b) => (b.available ?? 0) - (a.available ?? 0))[0];
  if (best?.needed === undefined || best.available === undefined)
    return `${those.length} ${[...new Set(those.map(({ message }) => message))].join('/')}`;
  const shown = (value: number) => (best.unit === 'MiB' ? formatBytes(value * MIB) : `${value} ${best.unit}`);
  return `${those.length} ${test} (needs ${shown(best.needed)}, best has ${shown(best.available)} free)`;
}

function waysOut(
  nodes: readonly NodeCapacity[],
  needs: Requirements,
  policy: PlacementPolicy,
  judge: Judge | undefined,
): string[] {
  const fits = (changed: Partial<Requirements>, on = nodes) =>
    place(on, { ...needs, ...changed }, { policy, judge }).chosen !== undefined;
  const ways: string[] = [];
  const memoryMiB = Math.max(0, ...nodes.map((node) => freeMemoryMiB(node, policy)));
  if (memoryMiB < needs.memoryMiB && memoryMiB >= 64 && fits({ memoryMiB }))
    ways.push(`ask for at most ${formatBytes(memoryMiB * MIB)} of memory including QEMU’s own`);
  const vcpus = Math.max(0, ...nodes.map((node) => freeVcpus(node, policy)));
  if (vcpus > 0 && vcpus < needs.vcpus && fits({ vcpus })) ways.push(`--vcpus ${vcpus}`);
  for (const node of nodes)
    if (node.role === 'drained' && fits({}, [{ ...node, role: 'active' }]))
      ways.push(`gantry node undrain ${node.name}`);
  return ways.length > 0 ? ways : ['add a node, or free resources on one'];
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
