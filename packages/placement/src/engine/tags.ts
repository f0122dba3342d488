/**
 * What htools read from tags. Cluster tags name prefixes: `htools:iextags:X` makes instance tags `X...` exclusive on a
 * primary, `htools:nlocation:X` node tags `X:...` failure domains, `htools:desiredlocation:X` instance tags `X:...`
 * wishes for such a domain, `htools:migration:X` node tags `X:...` what a target of a migration must have too, unless
 * `htools:allowmigration:A::B` lets guests of A go to B. Source: Ganeti's `HTools/Tags.hs` and `Loader.hs`.
 */
import type { ClusterData, InstanceSpec } from '../ganeti/cluster-data.ts';

/** Tags as small numbers. */
export interface TagTables {
  /** Number of different exclusion tags. */
  exclusionCount: number;
  locationCount: number;
  /** Of each instance. */
  exclusions: readonly (readonly number[])[];
  wishes: readonly (readonly number[])[];
  /** Of each node. */
  locations: readonly (readonly number[])[];
  /** May a guest be migrated from one node to the other? Undefined: everywhere. */
  mayMigrate: ((from: number, to: number) => boolean) | undefined;
}

const NONE: readonly number[] = [];
const NO_TAGS: readonly string[] = [];

/** @param instances those of the cluster, and what may come */
export function readTags(data: ClusterData, instances: readonly InstanceSpec[]): TagTables {
  const read = tagReader(data.tags);
  const exclusion = new Numbers();
  const location = new Numbers();
  return {
    exclusions: perList(instances, (tags) => exclusion.all(read.exclusions(tags))),
    locations: data.nodes.tags.map((tags) => location.all(read.locations(tags))),
    wishes: perList(instances, (tags) => location.all(read.wishes(tags))),
    exclusionCount: exclusion.size,
    locationCount: location.size,
    mayMigrate: migrations(data),
  };
}

/** Of each instance; what was read of a list is known for all that share it. */
function perList(
  instances: readonly InstanceSpec[],
  numbersOf: (tags: readonly string[]) => readonly number[],
): (readonly number[])[] {
  const known = new Map<readonly string[], readonly number[]>();
  return instances.map(({ tags }) => {
    if (tags.length === 0) return NONE;
    const numbers = known.get(tags) ?? numbersOf(tags);
    known.set(tags, numbers);
    return numbers;
  });
}

/** Which of an object's tags mean something in a cluster with these tags. */
function tagReader(clusterTags: readonly string[]) {
  const after = (prefix: string) =>
    clusterTags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
  const matching = (prefixes: readonly string[]) => (tags: readonly string[]) =>
    tags.length === 0 || prefixes.length === 0
      ? NO_TAGS
      : tags.filter((tag) => prefixes.some((prefix) => tag.startsWith(prefix)));
  const domains = (prefix: string) => after(prefix).map((name) => `${name}:`);
  return {
    exclusions: matching(after('htools:iextags:').filter((prefix) => prefix !== '')),
    locations: matching(domains('htools:nlocation:')),
    wishes: matching(after('htools:desiredlocation:').filter((prefix) => prefix !== '')),
    migrations: matching(domains('htools:migration:')),
    allowed: after('htools:allowmigration:').map((pair) => pair.split('::')),
  };
}

/** Numbers for names, in the order of their first appearance; the tags of one object each once. */
class Numbers {
  readonly #known = new Map<string, number>();

  get size(): number {
    return this.#known.size;
  }

  all(names: readonly string[]): readonly number[] {
    return names.length === 0 ? NONE : [...new Set(names)].map((name) => this.#numberOf(name));
  }

  #numberOf(name: string): number {
    const number = this.#known.get(name) ?? this.#known.size;
    this.#known.set(name, number);
    return number;
  }
}

function migrations({ tags, nodes }: ClusterData): TagTables['mayMigrate'] {
  const read = tagReader(tags);
  const needs = nodes.tags.map(read.migrations);
  if (needs.every((each) => each.length === 0)) return undefined;
  const sourcesOf = (tag: string) =>
    read.allowed.filter((pair) => pair.length === 2 && pair[1] === tag).map(([source = '']) => source);
  const takes = needs.map((own) => new Set(own.flatMap((tag) => [tag, ...sourcesOf(tag)])));
  return (from, to) => (needs[from] ?? []).every((tag) => takes[to]?.has(tag));
}
