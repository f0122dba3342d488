/** Why no node can take it: how many fail which test first, and how near the nearest is. */
import {
  err,
  formatBytes,
  type GantryError,
  type NodeVerdict,
  type PlacementDecision,
  type Rejection,
  type Requirements,
} from '@gantry/model';

const MIB = 2 ** 20;
const GIB_IN_MIB = 1024;

/** What was asked for: memory without QEMU’s own. */
export type AskedSize = Pick<Requirements, 'vcpus' | 'memoryMiB' | 'diskMiB'>;

/**
 * `no_capacity`, or `disk_too_large` when nothing but the disk stands against it on every node.
 * @param waysOut what would work, and was tried
 */
export function refusal(
  name: string,
  asked: AskedSize,
  decision: PlacementDecision,
  waysOut: readonly string[] = [],
): GantryError {
  const { verdicts } = decision;
  const onlyDisk = verdicts.every(({ rejections }) => rejections.every(({ test }) => test === 'disk'));
  const [why, known] = [whyNoNode(decision), waysOut.length > 0 ? `ways out: ${waysOut.join(' · ')}` : ''];
  if (verdicts.length > 0 && onlyDisk) {
    const size = mib(sum(Object.values(asked.diskMiB)));
    return err('disk_too_large', { size, why: known === '' ? why : `${why}\n${known}` });
  }
  return err('no_capacity', { name, asked: sizeText(asked), why, waysOut: known === '' ? NO_WAY : known });
}

const NO_WAY = 'add a node, or free resources on one';

/** `8 nodes looked at:  3 drained   4 memory (best n2: 41.0 GiB free, short by 23.0)`: each node once. */
export function whyNoNode({ lookedAt, verdicts }: PlacementDecision): string {
  if (lookedAt === 0) return 'there is no node';
  const groups = new Map<string, Failed[]>();
  for (const verdict of verdicts) {
    const failed = firstOf(verdict);
    if (failed) groups.set(failed.under, [...(groups.get(failed.under) ?? []), failed]);
  }
  const counts = [...groups.values()].map(countText);
  return `${lookedAt} node${lookedAt === 1 ? '' : 's'} looked at:  ${counts.join('   ')}`;
}

interface Failed {
  node: string;
  /** Nodes that failed alike are counted together. */
  under: string;
  rejection: Rejection;
}

/** A node is counted under the first test that it fails; `gantry placement show` has all. */
function firstOf({ name, rejections: [rejection] }: NodeVerdict): Failed | undefined {
  if (!rejection) return undefined;
  const { test, message } = rejection;
  return { node: name, rejection, under: test === 'role' || test === 'state' ? message : test };
}

const MOST_MESSAGES = 2;

function countText(failed: readonly Failed[]): string {
  const measured = failed.filter(({ rejection }) => rejection.available !== undefined);
  const best = measured.toSorted(
    (a, b) => (b.rejection.available ?? 0) - (a.rejection.available ?? 0) || (a.node < b.node ? -1 : 1),
  )[0];
  if (best)
    return `${failed.length} ${best.rejection.test} (best ${best.node}: ${shortText(best.rejection)})`;
  const messages = [...new Set(failed.map(({ rejection }) => rejection.message))];
  const more = messages.length > MOST_MESSAGES ? ['...'] : [];
  return `${failed.length} ${[...messages.slice(0, MOST_MESSAGES), ...more].join('/')}`;
}

/** `41.0 GiB free, short by 23.0` */
function shortText({ needed = 0, available = 0, unit }: Rejection): string {
  const inGiB = unit === 'MiB' && needed >= GIB_IN_MIB;
  const text = (value: number) => (inGiB ? (value / GIB_IN_MIB).toFixed(1) : String(value));
  return `${text(available)} ${inGiB ? 'GiB' : unit} free, short by ${text(needed - available)}`;
}

/** ` (4 vCPUs, memory 64 GiB, disk 20 GiB)` */
function sizeText({ vcpus, memoryMiB, diskMiB }: AskedSize): string {
  const disk = sum(Object.values(diskMiB));
  const parts = [`${vcpus} vCPU${vcpus === 1 ? '' : 's'}`, `memory ${mib(memoryMiB)}`];
  return ` (${[...parts, ...(disk > 0 ? [`disk ${mib(disk)}`] : [])].join(', ')})`;
}

const mib = (value: number): string => formatBytes(value * MIB);
const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
