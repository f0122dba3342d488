/**
 * What a refused create could be helped with by moving others: what `cluster balance` would do, or else single moves. Each is
 * made in thought by the live tests, and the newcomer placed after it, before it is named.
 */
import { requirements } from '@gantry/guest';
import { BALANCE_MIN_GAIN, type NodeVerdict, type PlacementDecision } from '@gantry/model';
import { freeMemoryMiB, isOnline, makeRoom, type RoomMove } from '@gantry/placement';
import type { Asking } from '../api/call.ts';
import { sees } from '../api/caller.ts';
import { metaOf } from '../kinds.ts';
import { theCluster } from '../operations/guest-spec.ts';
import { type Candidate, candidatesOf } from '../placement/capacity.ts';
import { decide, refused } from '../placement/choose-node.ts';
import type { NoPlace } from '../placement/no-place.ts';
import type { Wanted } from '../placement/wanted.ts';
import type { Tried } from '../placement/ways-out.ts';
import { freedText, lackOf } from './lack.ts';
import { type LiveView, readLive } from './live.ts';
import { followed, possible } from './plan.ts';

/** Of the nodes that lack nothing but room, so many are looked at: those that lack least. */
const MOST_NODES = 3;
/** So many nodes of a group are looked at as places for what moves away: those with most memory free. */
const MOST_TARGETS = 16;
/** In groups with more guests a whole balancing is not planned while somebody waits for an answer. */
const MOST_BALANCED = 60;

export interface Bounds {
  /** Where the newcomer may go; anywhere. */
  among?: (candidate: Candidate) => boolean;
  /** Id of an instance that is not to be moved for it. */
  stays?: string;
}

/** The refusal with what moving others would do about it. */
export async function withMoves(
  asking: Asking,
  wanted: Wanted,
  error: NoPlace,
  bounds: Bounds = {},
): Promise<NoPlace> {
  const { decision } = error;
  const more = await waysByMoving(asking, wanted, decision, bounds);
  if (more.length === 0) return error;
  const tried = [...(decision.refused?.tried ?? []), ...more];
  return refused(wanted, decision, tried, asking.app.env.clock.now());
}

/** One that works, if there is any, after those that were tried in vain. */
async function waysByMoving(
  asking: Asking,
  wanted: Wanted,
  { verdicts }: PlacementDecision,
  bounds: Bounds,
): Promise<Tried[]> {
  const { store, mirror } = asking.app;
  const cluster = await theCluster(store);
  const all = await mirror.read((view) => [...candidatesOf(view, cluster)]);
  const near = nearest(all, wanted, verdicts);
  const tried: Tried[] = [];
  for (const stop of [false, true])
    for (const search of [byBalance, byMoves])
      for (const node of near) {
        const way = await search(asking, { all, wanted, node, stop, ...bounds });
        if (way && !tried.some((before) => before.way === way.way)) tried.push(way);
        if (way?.works) return tried;
      }
  return tried;
}

interface Search extends Bounds {
  all: readonly Candidate[];
  wanted: Wanted;
  /** It lacks room only. */
  node: Candidate;
  /** Guests that run may be stopped for it. */
  stop: boolean;
}

const roomTests: readonly string[] = ['memory', 'vcpus', 'disk'];

function nearest(
  all: readonly Candidate[],
  { input }: Wanted,
  verdicts: readonly NodeVerdict[],
): Candidate[] {
  const lackRoom = verdicts.filter(({ rejections }) =>
    rejections.every(({ test, needed }) => roomTests.includes(test) && needed !== undefined),
  );
  const lacking = new Set<string>(lackRoom.map(({ node }) => node));
  const needs = requirements(input);
  const mib = new Map(all.map((each) => [each, lackOf(each.capacity, needs).memoryMiB]));
  return all
    .filter(({ node, residents }) => lacking.has(node.id) && residents.size > 0)
    .toSorted((a, b) => (mib.get(a) ?? 0) - (mib.get(b) ?? 0))
    .slice(0, MOST_NODES);
}

const inGroup = (all: readonly Candidate[], group: string): Candidate[] =>
  all.filter(({ node }) => node.spec.group === group);

/** Of the group of the node. */
async function byBalance({ app }: Asking, search: Search): Promise<Tried | undefined> {
  const { all, node, stop, stays } = search;
  const { group } = node;
  if (!group) return undefined;
  const guests = inGroup(all, group.id).reduce((sum, { residents }) => sum + residents.size, 0);
  if (guests > MOST_BALANCED) return undefined;
  const view = await readLive(app, { stop, group: group.id });
  const { moves } = possible(view, { group: group.id, stop, minGain: BALANCE_MIN_GAIN });
  if (moves.length === 0 || moves.some(({ guest }) => guest.peer.id === stays)) return undefined;
  const command = `gantry cluster balance --group ${group.name}${stop ? ' --stop' : ''} --apply`;
  return attempt({ view, moves, search }, command);
}

/** Off this node. */
async function byMoves(asking: Asking, search: Search): Promise<Tried | undefined> {
  const { all, wanted, node, stop, stays } = search;
  const { id } = node.node;
  const free = ({ capacity }: Candidate) => freeMemoryMiB(capacity);
  const targets = inGroup(all, node.node.spec.group)
    .filter((each) => each.node.id !== id && isOnline(each.capacity))
    .toSorted((a, b) => free(b) - free(a))
    .slice(0, MOST_TARGETS);
  const view = await readLive(asking.app, {
    stop,
    nodes: [id, ...targets.map((each) => each.node.id)],
  });
  const guests = view.live.guests.map((guest) =>
    guest.peer.id === stays ? { ...guest, held: 'it stays where it is' } : namable(asking, view, guest),
  );
  const live = { ...view.live, guests };
  const moves = makeRoom(live, id, lackOf(node.capacity, requirements(wanted.input)));
  if (!moves) return undefined;
  const commands = await Promise.all(moves.map((move) => moveCommand(asking, view, move)));
  return attempt({ view, moves, search, only: id }, commands.join(' && '));
}

/** Others' guests stay where they are: the caller is not to learn of them. */
function namable({ caller }: Asking, { instances }: LiveView, guest: LiveView['live']['guests'][number]) {
  const instance = instances.get(guest.peer.id);
  return instance && sees(caller, metaOf(instance)) ? guest : { ...guest, held: 'it is another project’s' };
}

async function moveCommand(
  { app }: Asking,
  { instances, candidates }: LiveView,
  { guest, to }: RoomMove,
): Promise<string> {
  const { id, name } = guest.peer;
  const ref = (await app.store.named('instance', name)).length === 1 ? name : id;
  const target = candidates.find(({ node }) => node.id === to)?.node.name ?? to;
  const runs = !['stopped', 'crashed', 'failed'].includes(instances.get(id)?.status.state ?? '');
  return `gantry instance move ${ref} --to ${target}${runs ? ' --stop' : ''}`;
}

interface Attempt {
  view: LiveView;
  moves: readonly RoomMove[];
  search: Search;
  /** Id of the node that is made room on. */
  only?: string;
}

/** The newcomer, placed after the moves. */
function attempt({ view, moves, search, only }: Attempt, command: string): Tried {
  const { among = () => true } = search;
  const wanted = { ...search.wanted, ...(only === undefined ? {} : { only }) };
  const { now, refused: stuckAt } = followed(view, moves);
  const chosen = stuckAt < 0 ? decide(now.filter(among), wanted).decision.chosen : undefined;
  if (!chosen) return { way: command, works: false };
  const at = (on: readonly Candidate[]) => on.find(({ node }) => node.id === chosen.node)?.capacity;
  const [before, after] = [at(view.candidates), at(now)];
  const frees = before && after ? freedText(before, after, requirements(wanted.input)) : '';
  return { way: `${command}${frees}`, works: true };
}
