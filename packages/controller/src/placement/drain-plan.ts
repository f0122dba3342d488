/** Where the guests of a node could go, one after the other: each finds taken what those before it would take. Pure. */
import { type HardwareFit, requirements } from '@gantry/guest';
import {
  type DrainStep,
  type Fit,
  type GantryError,
  type Instance,
  isGantryError,
  type NodeId,
  type PlacementDecision,
} from '@gantry/model';
import type { Candidate } from './capacity.ts';
import { peerOf } from './records.ts';
import type { Wanted } from './wanted.ts';

/** Of a guest, as `it`; and what lets it go. */
export type Blocked = Required<Pick<DrainStep, 'why' | 'remedy'>>;

export interface Leaving {
  instance: Instance;
  wanted: Wanted;
  /** Why nothing can be done with it now. */
  blocked?: Blocked;
}

type Decide = (
  all: readonly Candidate[],
  wanted: Wanted,
) => { decision: PlacementDecision; fit: (node: NodeId) => HardwareFit };

/**
 * @param others nodes that may take them
 * @param refusalOf why none can
 */
export function drainSteps(
  leaving: readonly Leaving[],
  others: readonly Candidate[],
  decide: Decide,
  refusalOf: (decision: PlacementDecision) => Blocked,
): DrainStep[] {
  let left = others;
  const memory = ({ wanted }: Leaving) => wanted.input.memoryMiB;
  const inOrder = leaving.toSorted(
    (a, b) => memory(b) - memory(a) || (a.instance.name < b.instance.name ? -1 : 1),
  );
  return inOrder.map((guest): DrainStep => {
    if (guest.blocked) return step(guest, 'blocked', guest.blocked);
    try {
      const { decision, fit } = decide(left, guest.wanted);
      const { chosen } = decision;
      if (!chosen) return step(guest, 'blocked', refusalOf(decision));
      left = left.map((each) =>
        each.node.id === chosen.node
          ? withGuest(each, guest, { node: chosen.node, ...fit(chosen.node) })
          : each,
      );
      const down = isDown(guest.instance);
      const [way, why] = down ? (['move', 'it is down'] as const) : (['stop', MUST_STOP] as const);
      return step(guest, way, { why }, chosen.name);
    } catch (error) {
      if (!isGantryError(error)) throw error;
      return step(guest, 'blocked', blockedBy(error, guest.instance));
    }
  });
}

const MUST_STOP = 'guests cannot be moved while they run yet';

const isDown = ({ status: { state } }: Instance): boolean =>
  state === 'stopped' || state === 'crashed' || state === 'failed';

/** Its own words, about `it`. */
export const blockedBy = ({ message, hint }: GantryError, { name }: Instance): Blocked => ({
  why: message.startsWith(`instance ${name} `) ? `it ${message.slice(`instance ${name} `.length)}` : message,
  remedy: hint,
});

function step(
  { instance, wanted }: Leaving,
  way: DrainStep['way'],
  reason: Pick<DrainStep, 'why' | 'remedy'>,
  to?: string,
): DrainStep {
  const diskMiB = Object.values(requirements(wanted.input).diskMiB).reduce((a, b) => a + b, 0);
  const { id, name, status } = instance;
  return {
    instance: id as DrainStep['instance'],
    name,
    state: status.state,
    way,
    ...(to === undefined ? {} : { to }),
    diskMiB,
    ...reason,
  };
}

/** The candidate as it is when the guest has come. */
export function withGuest(
  candidate: Candidate,
  { instance, wanted }: Pick<Leaving, 'instance' | 'wanted'>,
  fit: Fit,
): Candidate {
  const { capacity, residents, bound } = candidate;
  const { vcpus, memoryMiB, diskMiB } = requirements(wanted.input);
  const storage = Object.entries(capacity.storage).map(([name, pool]) => [
    name,
    { ...pool, claimedMiB: pool.claimedMiB + (diskMiB[name] ?? 0) },
  ]);
  return {
    ...candidate,
    capacity: {
      ...capacity,
      memoryUsedMiB: capacity.memoryUsedMiB + memoryMiB,
      memoryDownMiB: (capacity.memoryDownMiB ?? 0) + (isDown(instance) ? memoryMiB : 0),
      guests: (capacity.guests ?? 0) + 1,
      vcpusUsed: capacity.vcpusUsed + vcpus,
      storage: Object.fromEntries(storage),
    },
    bound: () => [...bound(), { extraSpecs: wanted.input.extraSpecs, fit }],
    residents: new Map([...residents, [instance.id, peerOf(instance)]]),
  };
}
