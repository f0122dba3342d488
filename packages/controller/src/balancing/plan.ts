/** A plan for the live cluster. Every move is held against the live tests, on what those before it leave. */
import { requirements } from '@gantry/guest';
import type { BalancePlan, InstanceId } from '@gantry/model';
import {
  type LiveCluster,
  type LiveMove,
  type LivePlan,
  planLiveBalance,
  type RoomMove,
} from '@gantry/placement';
import type { App } from '../api/call.ts';
import type { Candidate } from '../placement/capacity.ts';
import { decide } from '../placement/choose-node.ts';
import { withGuest } from '../placement/drain-plan.ts';
import { type LiveView, readLive, type Settled, takes } from './live.ts';

export interface BalanceWishes {
  /** Id of the group. */
  group?: string | undefined;
  stop: boolean;
  minGain: number;
  maxMoves?: number | undefined;
  maxBytes?: number | undefined;
}

export interface Planned {
  plan: BalancePlan;
  /** In the order of the plan's moves. Ids. */
  moves: { instance: InstanceId; name: string; from: string; to: string; toName: string; bytes: number }[];
}

/** So often places that the live tests refuse are left out and everything is planned anew. */
const ROUNDS = 20;

export async function planBalancing(
  app: Pick<App, 'store' | 'mirror'>,
  wishes: BalanceWishes,
): Promise<Planned> {
  const view = await readLive(app, { stop: wishes.stop, group: wishes.group });
  return asPlanned(view, possible(view, wishes), wishes.group);
}

/** What Ganeti's score makes of it, as far as the live tests allow it. */
export function possible(view: LiveView, wishes: BalanceWishes): LivePlan {
  const refused = new Set<string>();
  const pair = (guest: string, node: string) => `${guest} ${node}`;
  const live: LiveCluster = {
    ...view.live,
    fits: (guest, node) => !refused.has(pair(guest.peer.id, node.id)) && view.live.fits(guest, node),
  };
  for (let round = 1; ; round += 1) {
    const plan = planLiveBalance(live, wishes);
    const wrong = firstRefused(view, plan.moves);
    if (wrong < 0) return plan;
    const { guest, to } = plan.moves[wrong] as LiveMove;
    refused.add(pair(guest.peer.id, to));
    if (round === ROUNDS) return planLiveBalance(live, { ...wishes, maxMoves: 0 });
  }
}

/** Index of the first move that the live tests refuse after those before it; -1: none. */
export const firstRefused = (view: LiveView, moves: readonly RoomMove[]): number =>
  followed(view, moves).refused;

/** The cluster after the moves, as far as the live tests let them be made. */
export function followed(
  { candidates, settled }: Pick<LiveView, 'candidates' | 'settled'>,
  moves: readonly RoomMove[],
): { now: readonly Candidate[]; refused: number } {
  let now = candidates;
  const refused = moves.findIndex(({ guest, from, to }) => {
    const one = settled.get(guest.peer.id);
    if (!one) return true;
    const left = now.map((each) => (each.node.id === from ? withoutGuest(each, one) : each));
    if (!takes(left, one.wanted, to)) return true;
    const { fit } = decide(left, { ...one.wanted, only: to });
    now = left.map((each) =>
      each.node.id === to ? withGuest(each, one, { node: each.capacity.id, ...fit(each.capacity.id) }) : each,
    );
    return false;
  });
  return { now, refused };
}

/** The candidate as it is when the guest has gone. */
function withoutGuest(candidate: Candidate, { instance, wanted }: Settled): Candidate {
  const { capacity, residents } = candidate;
  const { vcpus, memoryMiB, diskMiB } = requirements(wanted.input);
  const storage = Object.entries(capacity.storage).map(([name, pool]) => [
    name,
    { ...pool, freeMiB: pool.freeMiB + (diskMiB[name] ?? 0) },
  ]);
  return {
    ...candidate,
    capacity: {
      ...capacity,
      memoryUsedMiB: capacity.memoryUsedMiB - memoryMiB,
      guests: (capacity.guests ?? 1) - 1,
      vcpusUsed: capacity.vcpusUsed - vcpus,
      storage: Object.fromEntries(storage),
    },
    residents: new Map([...residents].filter(([id]) => id !== instance.id)),
  };
}

const downStates: readonly string[] = ['stopped', 'crashed', 'failed'];

function asPlanned({ live, instances }: LiveView, plan: LivePlan, group: string | undefined): Planned {
  const nodes = new Map(live.nodes.map((node) => [node.id as string, node]));
  const nodeName = (id: string) => nodes.get(id)?.name ?? id;
  const groupName = (id: string | undefined) => live.groups.find((each) => each.id === id)?.name ?? '';
  const moves = plan.moves.flatMap(({ guest, from, to, score, gain }) => {
    const instance = instances.get(guest.peer.id);
    return instance ? [{ instance, guest, from, to, score, gain }] : [];
  });
  return {
    plan: {
      ...(group === undefined ? {} : { group: groupName(group) }),
      score: { before: round(plan.score.before), after: round(plan.score.after) },
      parts: partsOf(plan),
      moves: moves.map(({ instance, guest, from, to, score, gain }) => ({
        instance: instance.id as InstanceId,
        name: instance.name,
        ...(instance.project ? { project: instance.project } : {}),
        state: instance.status.state,
        group: groupName(nodes.get(from)?.group),
        from: nodeName(from),
        to: nodeName(to),
        way: downStates.includes(instance.status.state) ? 'move' : 'stop',
        bytes: guest.bytes,
        score: round(score),
        gain: round(gain),
      })),
      bytes: moves.reduce((sum, { guest }) => sum + guest.bytes, 0),
      held: plan.held.flatMap(({ guest, to, gain, why }) => {
        const instance = instances.get(guest.peer.id);
        if (!instance) return [];
        const place = { node: nodeName(guest.node), to: nodeName(to) };
        return [
          { instance: instance.id as InstanceId, name: instance.name, ...place, gain: round(gain), why },
        ];
      }),
    },
    moves: moves.map(({ instance, guest, from, to }) => ({
      instance: instance.id as InstanceId,
      name: instance.name,
      from,
      to,
      toName: nodeName(to),
      bytes: guest.bytes,
    })),
  };
}

function partsOf({ score }: LivePlan): BalancePlan['parts'] {
  const ganeti = Object.entries(score.components).map(([name, { weight, before, after }]) => ({
    name,
    before: round(before * weight),
    after: round(after * weight),
  }));
  const own = score.own ? [{ name: 'affinity', ...score.own }] : [];
  return [...ganeti, ...own].filter(({ before, after }) => before !== 0 || after !== 0);
}

/** Nine places: sums leave noise behind them. */
const round = (value: number): number => Math.round(value * 1e9) / 1e9;
