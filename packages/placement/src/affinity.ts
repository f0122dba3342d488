/** Rules between instances about sharing a node: what they forbid, what they wish, and whether they are kept. */
import type { AffinityRule, Rejection } from '@gantry/model';

/** An instance as rules see it. */
export interface Peer {
  id: string;
  name: string;
  project?: string;
  labels?: Readonly<Record<string, string>>;
  affinity?: readonly AffinityRule[];
}

const isSoft = ({ policy }: AffinityRule): boolean => policy.startsWith('soft-');
const isApart = ({ policy }: AffinityRule): boolean => policy.endsWith('anti-affinity');

/** What a soft rule that is not kept adds to a score: more than load can make of a difference, also between two nodes. */
export const MISSED = 16;

/** Rules hold within one project: nobody can keep others from a node by their labels. */
export function means({ instance, label }: AffinityRule, owner: Peer, other: Peer): boolean {
  if (other.id === owner.id || other.project !== owner.project) return false;
  if (instance !== undefined) return other.name === instance || other.id === instance;
  const at = label?.indexOf('=') ?? -1;
  return at > 0 && other.labels?.[label?.slice(0, at) ?? ''] === label?.slice(at + 1);
}

/** A rule that a newcomer would break, in words. */
interface Broken {
  rule: AffinityRule;
  /** Whose rule it is, unless the newcomer’s. */
  by?: Peer;
  message: string;
}

/**
 * What would not be as the rules say if the newcomer came to these. `Affinity` to nobody is kept: somebody must be the
 * first.
 * @param elsewhere all others, asked only for rules of affinity
 */
function broken(newcomer: Peer, here: readonly Peer[], elsewhere: () => Iterable<Peer>): Broken[] {
  const own = (newcomer.affinity ?? []).flatMap((rule): Broken[] => {
    const met = here.filter((other) => means(rule, newcomer, other));
    if (isApart(rule)) return met.length > 0 ? [{ rule, message: `${namesOf(met)} is there` }] : [];
    if (met.length > 0) return [];
    const wanted = [...elsewhere()].filter((other) => means(rule, newcomer, other));
    return wanted.length > 0 ? [{ rule, message: `${namesOf(wanted)} is elsewhere` }] : [];
  });
  const theirs = here.flatMap((by) =>
    (by.affinity ?? [])
      .filter((rule) => isApart(rule) && means(rule, by, newcomer))
      .map((rule): Broken => ({ rule, by, message: `${by.name} keeps apart from it` })),
  );
  return [...own, ...theirs];
}

const MOST_NAMES = 3;
function namesOf(peers: readonly Peer[]): string {
  const names = peers.map(({ name }) => name).sort();
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}

export interface AffinityAnswer {
  /** Of hard rules. */
  rejections: Rejection[];
  /** Of soft ones: how many are not kept. */
  missed: number;
}

/** A newcomer against the residents of one node. */
export function affinityOn(
  newcomer: Peer,
  here: readonly Peer[],
  elsewhere: () => Iterable<Peer>,
): AffinityAnswer {
  const all = broken(newcomer, here, elsewhere);
  const rejections = all
    .filter(({ rule }) => !isSoft(rule))
    .map(({ rule, message }): Rejection => ({ test: rule.policy, message: `${rule.policy}: ${message}` }));
  return { rejections, missed: all.filter(({ rule }) => isSoft(rule)).length };
}

/** A guest as exclusion labels mark it: Ganeti’s exclusion tags, within one project. */
export const exclusionsOf = ({ project, labels }: Peer, keys: readonly string[]): string[] =>
  keys.flatMap((key) => (labels?.[key] === undefined ? [] : [`${project ?? ''}/${key}=${labels[key]}`]));

/** Of how many of its labels somebody there has the same value. */
export function exclusionsOn(newcomer: Peer, here: readonly Peer[], labels: readonly string[]): number {
  const own = exclusionsOf(newcomer, labels);
  if (own.length === 0) return 0;
  const there = new Set(
    here.flatMap((other) => (other.id === newcomer.id ? [] : exclusionsOf(other, labels))),
  );
  return own.filter((exclusion) => there.has(exclusion)).length;
}

/** Guests with a value of an exclusion label that another one has, beyond the first of each. */
export function exclusionRepeats(here: readonly Peer[], labels: readonly string[]): number {
  const all = here.flatMap((each) => exclusionsOf(each, labels));
  return all.length - new Set(all).size;
}

export interface Standing {
  rule: AffinityRule;
  by?: string;
  satisfied: boolean;
  why: string;
}

/** How the rules of an instance, and those of its neighbours about it, stand where it is. */
export function standings(
  self: Peer,
  neighbours: readonly Peer[],
  elsewhere: () => Iterable<Peer>,
): Standing[] {
  const others = neighbours.filter(({ id }) => id !== self.id);
  const wrong = broken(self, others, elsewhere);
  const own = (self.affinity ?? []).map((rule): Standing => {
    const found = wrong.find((each) => each.rule === rule && each.by === undefined);
    return { rule, satisfied: found === undefined, why: found?.message ?? keptBecause(rule, self, others) };
  });
  const theirs = wrong.flatMap(({ rule, by, message }): Standing[] =>
    by ? [{ rule, by: by.name, satisfied: false, why: message }] : [],
  );
  return [...own, ...theirs];
}

function keptBecause(rule: AffinityRule, self: Peer, others: readonly Peer[]): string {
  const met = others.filter((other) => means(rule, self, other));
  if (met.length > 0) return `on the same node: ${namesOf(met)}`;
  return isApart(rule) ? 'none of them on its node' : 'there is no such instance';
}
