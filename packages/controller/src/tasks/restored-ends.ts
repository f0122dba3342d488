/**
 * Where an instance is whose backup was taken in the middle of a move: of its two guests one becomes the binding. Neither
 * the store nor the number of disks tells, since the move went on after the backup, or was taken back: the marks that
 * domains bear do. Hand-over gives the target a domain with a newer epoch; nothing else does. Pure.
 */
import { compareEpochs, type Guest, type NodeLook } from '@gantry/model';

/** One of the two, as its node finds it. */
export interface End {
  guest: Guest;
  /** The domain of the instance there, with the epoch of its mark. */
  domain?: { epoch: Guest['spec']['epoch']; alive: boolean };
  /** Disks of the guest that are there, ready, with what they stand on. */
  ready: number;
}

export const endOf = (guest: Guest, look: NodeLook): End => {
  const domain = look.domains.find(({ ours }) => ours?.instance === guest.spec.instance);
  const wanted = new Set<string>(guest.spec.input.disks.map(({ id }) => id));
  const found = look.disks.filter(
    ({ disk, state, lacks }) => state === 'ready' && lacks === undefined && wanted.has(disk),
  );
  return {
    guest,
    ...(domain?.ours ? { domain: { epoch: domain.ours.epoch, alive: domain.alive } } : {}),
    ready: new Set(found.map(({ disk }) => disk)).size,
  };
};

const isWhole = ({ guest, ready }: End): boolean => ready === guest.spec.input.disks.length;

export interface Settled {
  home: End;
  /** What is left there goes: the home has all of it. */
  cleared: End[];
}

/**
 * @param ends those whose nodes have told of them; at least one
 * @param binding where the restored store has the instance
 * @returns why it cannot be decided, as a clause
 */
export function settleEnds(ends: readonly End[], binding: Guest): Settled | string {
  const alive = ends.filter(({ domain }) => domain?.alive);
  if (alive.length > 1) return 'it runs on both nodes';
  const home = homeAmong(ends, binding);
  if (!home) return 'its node is not heard of';
  if (alive[0] && alive[0] !== home) return 'what runs is older than what was defined on the other node';
  if (home.guest.id !== binding.id && !binding.spec.held)
    return 'it is let go on one node, and newer on the other';
  const others = ends.filter((end) => end !== home);
  if (!isWhole(home) && others.some(({ ready }) => ready > 0))
    return 'neither node has all of its disks, and each may have some';
  return { home, cleared: others };
}

/** The newest mark; else the later end of the move, if it has all disks; else where it was bound. */
function homeAmong(ends: readonly End[], binding: Guest): End | undefined {
  const marked = newest(
    ends.filter((end) => end.domain),
    ({ domain, guest }) => domain?.epoch ?? guest.spec.epoch,
  );
  return (
    marked ??
    newest(ends.filter(isWhole), ({ guest }) => guest.spec.epoch) ??
    ends.find(({ guest }) => guest.id === binding.id)
  );
}

const newest = (ends: readonly End[], epoch: (end: End) => Guest['spec']['epoch']): End | undefined =>
  ends.toSorted((a, b) => compareEpochs(epoch(b), epoch(a)))[0];
