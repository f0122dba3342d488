/**
 * Sizes that were set on the instance itself. The node is given sizes and not where they come from, so it takes its flavor
 * for the origin of all of them; who asks here is told the true one. Pure.
 */
import type { Flavor, Instance, Provenance } from '@gantry/model';

const sizes = ['vcpus', 'maxVcpus', 'memoryMiB', 'maxMemoryMiB'] as const;
type Size = (typeof sizes)[number];
export type Sized = { readonly [S in Size]?: number | undefined };
type Row = Partial<Pick<Provenance, 'level' | 'source'>> & Pick<Provenance, 'rule'>;

/**
 * @param spec of the instance
 * @param has what its guest was given: a size that waits for the next start explains nothing of it
 * @param flavor its own; undefined where it is no more, and then nobody can tell
 */
export function withSizeOrigins<R extends Row>(
  rows: readonly R[],
  spec: Instance['spec'],
  has: Sized,
  flavor: Flavor | undefined,
): R[] {
  const isOwn = (size: Size): boolean =>
    has[size] === spec[size] &&
    (flavor ? spec[size] !== flavor.spec[size] : spec.flavor === undefined && spec[size] !== undefined);
  return rows.map((row) => {
    const named = row.level === 'flavor' ? sizesIn(row.source) : [];
    const own = named.filter(isOwn);
    if (own.length === 0) return row;
    return { ...row, level: 'instance', source: own.join(', '), rule: 'size that was set on the instance' };
  });
}

/** Of a row that sizes alone decide. */
function sizesIn(source = ''): Size[] {
  const words = source.split(', ');
  const found = sizes.filter((size) => words.includes(size));
  return found.length === words.length ? found : [];
}
