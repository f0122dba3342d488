/** Why no node can take it, in one line: how many fail which test, and how near the nearest is. */
import {
  err,
  formatBytes,
  type GantryError,
  type PlacementDecision,
  type Rejection,
  type Requirements,
} from '@gantry/model';

const MIB = 2 ** 20;

/**
 * `no_capacity`, or `disk_too_large` when nothing but the disk stands against it on every node.
 * @param waysOut what would work, and was tried
 */
export function refusal(
  name: string,
  needs: Pick<Requirements, 'diskMiB'>,
  decision: PlacementDecision,
  waysOut: readonly string[] = [],
): GantryError {
  const perNode = decision.verdicts.map(({ rejections }) => rejections);
  if (perNode.length > 0 && perNode.every((list) => list.every(({ test }) => test === 'disk'))) {
    const size = formatBytes(sum(Object.values(needs.diskMiB)) * MIB);
    return err('disk_too_large', { size, why: `${looked(decision)}: ${count(perNode, 'disk')}` });
  }
  const why = decision.lookedAt === 0 ? 'there is no node' : `${looked(decision)}: ${summary(perNode)}`;
  const ways = waysOut.length > 0 ? waysOut : ['add a node, or free resources on one'];
  return err('no_capacity', { name, why, waysOut: ways.join(' · ') });
}

const looked = ({ lookedAt }: PlacementDecision): string =>
  `${lookedAt} node${lookedAt === 1 ? '' : 's'} looked at`;

function summary(perNode: readonly Rejection[][]): string {
  const names = [...new Set(perNode.flatMap((list) => list.map(({ test }) => test)))];
  return names.map((test) => count(perNode, test)).join(', ');
}

const MOST_MESSAGES = 2;

/** "4 memory (needs 64 GiB, best has 41 GiB free)": nodes that fail the test. */
function count(perNode: readonly Rejection[][], test: string): string {
  const those = perNode.flatMap((list) => list.filter((rejection) => rejection.test === test).slice(0, 1));
  const numbers = those.filter(({ available }) => available !== undefined);
  const best = numbers.toSorted((a, b) => (b.available ?? 0) - (a.available ?? 0))[0];
  if (best?.needed === undefined || best.available === undefined) return `${those.length} ${wordsOf(those)}`;
  const shown = (value: number) => (best.unit === 'MiB' ? formatBytes(value * MIB) : `${value} ${best.unit}`);
  return `${those.length} ${test} (needs ${shown(best.needed)}, best has ${shown(best.available)} free)`;
}

function wordsOf(those: readonly Rejection[]): string {
  const messages = [...new Set(those.map(({ message }) => message))];
  const more = messages.length > MOST_MESSAGES ? ['...'] : [];
  return [...messages.slice(0, MOST_MESSAGES), ...more].join('/');
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
