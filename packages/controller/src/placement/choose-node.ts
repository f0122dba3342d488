/** Which node an instance goes to, and what of that node's hardware it gets. Decides; claims and writes nothing. */
import { type HardwareFit, type OfferAnswer, offers, requirements } from '@gantry/guest';
import type { Fit, GuestInput, Node, NodeId, PlacementDecision } from '@gantry/model';
import { freeMemoryMiB, freeVcpus, type Judge, place, refusal, type Wishes } from '@gantry/placement';
import { timestamp } from '../env.ts';
import type { Kinds } from '../kinds.ts';
import { COUNTERS, cpuSpace, pciSpace } from '../objects.ts';
import { inputOn } from '../operations/guest-spec.ts';
import type { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { type Candidate, candidatesOf } from './capacity.ts';
import type { Mirror } from './mirror.ts';
import { alone } from './mobility.ts';
import { NoPlace } from './no-place.ts';
import { rulesFor, sizesOf } from './rules.ts';
import type { Wanted } from './wanted.ts';
import { type Tried, waysOut } from './ways-out.ts';

export interface Choice {
  decision: PlacementDecision;
  node: Node;
  /** Of the node. */
  group: Kinds['group'] | undefined;
  fit: Fit;
}

/**
 * The last epoch, read before any node is looked at: every binding takes the next one, so a commit that still finds it
 * the last knows that nobody else was placed in between.
 */
export const lastEpoch = (store: Store): Promise<number> => store.counter(COUNTERS.epoch);

/** @throws NoPlace `no_capacity`, `disk_too_large`, with the reason of each node */
export const chooseNode = (
  mirror: Mirror,
  cluster: Kinds['cluster'],
  wanted: Wanted,
  nowMs: number,
  among: (candidate: Candidate) => boolean = () => true,
): Promise<Choice> => mirror.read((view) => choose(candidatesOf(view, cluster).filter(among), wanted, nowMs));

function choose(all: readonly Candidate[], wanted: Wanted, nowMs: number): Choice {
  const { decision, fit } = decide(all, wanted);
  const chosen = all.find(({ node }) => node.id === decision.chosen?.node);
  if (chosen) {
    const node = chosen.node.id as NodeId;
    return { decision, node: chosen.node, group: chosen.group, fit: { node, ...fit(node) } };
  }
  const tried = waysOut(all, wanted, decision, (on, changed) => decide(on, changed).decision);
  throw refused(wanted, decision, tried, nowMs);
}

/** @param tried ways out, and whether they lead to a place */
export function refused(
  { newcomer: { name }, input }: Wanted,
  decision: PlacementDecision,
  tried: readonly Tried[],
  nowMs: number,
): NoPlace {
  const { vcpus, memoryMiB } = input;
  const asked = { vcpus, memoryMiB, diskMiB: requirements(input).diskMiB };
  const ways = tried.flatMap(({ way, works }) => (works ? [way] : []));
  const error = refusal(name, asked, decision, ways);
  const about = { at: timestamp(nowMs), name, message: error.message, tried: [...tried] };
  return new NoPlace(error, { ...decision, refused: about });
}

export interface Decided {
  decision: PlacementDecision;
  fit: (node: NodeId) => HardwareFit;
}

/** The same without refusing: to try what would be. */
export function decide(all: readonly Candidate[], wanted: Wanted): Decided {
  const { input, only, newcomer, networks, networksAt = () => [], against } = wanted;
  const needs = { ...requirements(input), sizes: sizesOf(input), networks: networks.map(({ id }) => id) };
  const answers = answersFor(input, all);
  const rules = rulesFor(newcomer, all);
  const unreachable = new Map(
    all.map((each) => [
      each.node.id as NodeId,
      [...(against?.(each) ?? []), ...networksAt(each.node, each.group)],
    ]),
  );
  const judge: Judge = ({ id }) => [
    ...(unreachable.get(id) ?? []),
    ...answers(id).rejections,
    ...rules.rejections(id),
  ];
  const capacities = all.map(({ capacity }) => capacity);
  const candidates = new Map(all.map((candidate) => [candidate.capacity.id, candidate]));
  const wishes: Wishes = ({ id }) => {
    const candidate = candidates.get(id);
    return { ...rules.wishes(id), ...(candidate ? alone(input, candidate) : {}) };
  };
  const decision = place(capacities, needs, { only, judge, wishes });
  return { decision, fit: (node) => answers(node).fit };
}

type Against = ReturnType<typeof offers>;

/** Each node is held against the guest once, when it is asked for. */
function answersFor(input: GuestInput, all: readonly Candidate[]): (node: string) => OfferAnswer {
  const againsts = new Map<string, Against>();
  /** With what the node’s group says, and whether it can give the group’s CPU. */
  const against = ({ node, group }: Candidate) => {
    const on = inputOn(input, group, node.id as NodeId);
    const key = `${group?.id} ${on.cpuBaseline !== undefined}`;
    const found = againsts.get(key) ?? offers(on);
    againsts.set(key, found);
    return found;
  };
  const candidates = new Map<string, Candidate>(all.map((candidate) => [candidate.node.id, candidate]));
  const known = new Map<string, OfferAnswer>();
  return (id) => {
    const candidate = candidates.get(id);
    const answer = known.get(id) ?? (candidate ? answerOf(candidate, against(candidate)) : silent);
    known.set(id, answer);
    return answer;
  };
}

const silent: OfferAnswer = {
  fit: {},
  rejections: [{ test: 'hardware', message: 'its agent has told nothing of it yet' }],
};

/** What stands against a node’s hardware, or what of it the guest would get. */
export function answerOf(candidate: Candidate, against: Against): OfferAnswer {
  const { facts } = candidate.node.status;
  if (!facts) return silent;
  const { bound, host, capacity } = candidate;
  return against({
    facts,
    host,
    bound: bound(),
    free: {
      VCPU: freeVcpus(capacity),
      MEMORY_MB: freeMemoryMiB(capacity),
      DISK_GB: Math.floor((capacity.storage['file']?.freeMiB ?? 0) / 1024),
    },
  });
}

/** CPUs and devices that are this guest's alone: no two commits can give away the same one. */
export const claimHardware = (draft: Draft, fit: Fit, owner: string): void =>
  exchangeHardware(draft, [], [fit], owner);

/** What is in both stays taken. */
export function exchangeHardware(
  draft: Draft,
  from: readonly Fit[],
  to: readonly Fit[],
  owner: string,
): void {
  const [had, has] = [claimsOf(from), claimsOf(to)];
  for (const [key, { space, value }] of had)
    if (!has.has(key)) draft.batch.release.push({ owner, space, value });
  for (const [key, { space, value }] of has) if (!had.has(key)) draft.take(space, value, owner);
}

function claimsOf(fits: readonly Fit[]): Map<string, { space: string; value: string }> {
  const claims = fits.flatMap(({ node, cells = [], pciDevices = [] }) => [
    ...cells
      .flatMap(({ claimedCpus }) => claimedCpus)
      .map((cpu) => ({ space: cpuSpace(node), value: String(cpu) })),
    ...pciDevices.map((value) => ({ space: pciSpace(node), value })),
  ]);
  return new Map(claims.map((claim) => [`${claim.space} ${claim.value}`, claim]));
}

/** Lines for a plan: what it gets beside memory and disk. */
export function describeFit({ cells = [], pciDevices = [] }: HardwareFit): string[] {
  return [
    ...cells.map(({ hostCell, vcpus, memoryMiB, pageKiB, pins }, index) => {
      const pages = pageKiB === undefined ? '' : ` in pages of ${pageKiB} KiB`;
      const pinned = pins.map(({ vcpu, cpu }) => `${vcpu} on ${cpu}`).join(', ');
      const where = pinned === '' ? `vCPUs ${vcpus.join(', ')}` : `vCPU ${pinned}`;
      return `NUMA cell ${index}: ${memoryMiB} MiB${pages} on cell ${hostCell} of the node, ${where}`;
    }),
    ...pciDevices.map((address) => `PCI device ${address}`),
  ];
}
