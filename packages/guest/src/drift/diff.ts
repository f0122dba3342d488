/** The differences between a domain and what settings would make of it, each with its reason. Pure. */
import type { GuestDifference, GuestInput, Provenance } from '@gantry/model';
import { domainToXml, type GuestDomain } from '../elements/domain.ts';
import { child, type XmlElement } from '../xml/element.ts';
import { writeInline } from '../xml/writer.ts';
import { type Application, application, type Change } from './applies.ts';
import { canonical } from './canonical.ts';
import { compare, type Found } from './compare.ts';
import { emulatedKeepsCpus } from './live-size.ts';

/** The domain that is there. */
export interface Present {
  /** As libvirt reports it, and whether it runs. */
  readonly domain: XmlElement;
  readonly running: boolean;
  /** Of a running one also as it is defined: there libvirt has not spelt out the CPU. */
  readonly definition?: XmlElement;
  /** What it was defined as; without it every difference counts as one of settings, unless nobody ever asks for such a thing. */
  readonly before?: { readonly asked: XmlElement; readonly explanation: readonly Provenance[] };
}

/** What settings make of a guest. */
export interface Settled {
  readonly guest: GuestDomain;
  readonly input: Pick<GuestInput, 'extraSpecs' | 'imageProperties' | 'policies'>;
}

/**
 * In the order of the domain’s XML, what is missing in an element after what is there. `next` is what the next start gives; `anew`, where it is given, what an instance made
 * now would get from the same flavor and image: what only that changes does not reach this one.
 */
export function diffGuest(present: Present, next: Settled, anew?: Settled): GuestDifference[] {
  const reached = differences(present, next);
  const same = new Set(reached.map(sameness));
  const others = anew ? differences(present, anew).filter((one) => !same.has(sameness(one))) : [];
  return [...reached, ...others.map(kept)];
}

const sameness = ({ path, wanted }: GuestDifference): string => JSON.stringify([path, wanted]);

const kept = (one: GuestDifference): GuestDifference => ({
  ...one,
  applies: 'rebuild',
  why:
    one.level === 'image'
      ? 'an instance keeps what its image said when it was made; one made anew gets it'
      : 'an instance keeps what its flavor said when it was made; one made anew gets it',
});

function differences(present: Present, { guest, input }: Settled): GuestDifference[] {
  const asked = canonical(domainToXml(guest));
  const now = canonical(withDefinedCpu(present));
  const before = present.before && canonical(present.before.asked);
  return compare(asked, now, before).map((found) => described(found, present, input));
}

/** A running guest’s CPU cannot change, and libvirt shows a named model with every feature spelt out. */
function withDefinedCpu({ domain, definition }: Present): XmlElement {
  const cpu = child(definition, 'cpu');
  if (!cpu) return domain;
  const children = domain.children.map((c) => (typeof c !== 'string' && c.name === 'cpu' ? cpu : c));
  return { ...domain, children };
}

function described(found: Found, present: Present, input: Settled['input']): GuestDifference {
  const change: Change =
    found.wanted === undefined ? 'removed' : found.now === undefined ? 'added' : 'changed';
  const { path, cause } = found;
  const how = leavesEmulated(found, present) ?? application(path, change);
  const stopped = !present.running && how.applies === 'live';
  return {
    path,
    change,
    cause,
    ...shown('now', found.now),
    ...shown('wanted', found.wanted),
    ...decider(found, present, input),
    applies: stopped ? 'next-start' : how.applies,
    why: stopped ? 'it does not run: its next start takes it' : how.why,
  };
}

/** Fewer CPUs than a guest without KVM has; where one of the numbers is not there, it is all of them. */
function leavesEmulated({ path, now, wanted }: Found, { domain }: Present): Application | undefined {
  if (path !== '/domain/vcpu/@current' || domain.attributes['type'] !== 'qemu') return undefined;
  const fewer = wanted !== undefined && (now === undefined || Number(wanted) < Number(now));
  return fewer ? { applies: 'next-start', why: emulatedKeepsCpus } : undefined;
}

const shown = <K extends string>(key: K, value: string | XmlElement | undefined): { [P in K]?: string } =>
  value === undefined
    ? {}
    : ({ [key]: typeof value === 'string' ? value : writeInline(value) } as { [P in K]: string });

type Decider = Pick<GuestDifference, 'level' | 'source' | 'rule'>;

function decider(found: Found, { before }: Present, input: Settled['input']): Decider {
  if (found.wanted !== undefined && found.origin) {
    const { level, source, rule } = found.origin;
    return { level, source, rule: found.cause === 'foreign' ? `${byHand}: ${rule}` : rule };
  }
  if (found.cause === 'foreign') return { rule: `${byHand}: no setting asks for it` };
  const earlier = before && nearest(found.path, before.explanation);
  if (!earlier) return { rule: 'no setting asks for it' };
  const { source } = earlier;
  return { level: levelNow(source, input), source, rule: 'it is no longer asked for' };
}

const byHand = 'changed by hand';

/** Who explained the element before, or the one around it. */
function nearest(path: string, explanation: readonly Provenance[]): Provenance | undefined {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const entry = explanation.find((one) => one.path === at);
    if (entry) return entry;
  }
  return undefined;
}

/** Who sets it now; where nobody does, the default removed it. */
function levelNow(source: string, input: Settled['input']): Provenance['level'] {
  const { extraSpecs, imageProperties, policies } = input;
  // the source of limits is their family: `quota:disk`
  const says = (pairs: Readonly<Record<string, string>>) =>
    Object.keys(pairs).some((key) => key.startsWith(source));
  if (says(extraSpecs)) return 'flavor';
  if (says(imageProperties)) return 'image';
  return policies.findLast(({ policy }) => source in policy)?.level ?? 'builtin';
}
