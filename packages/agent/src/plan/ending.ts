/** A guest that should run does not: why, and what the policy says. */
import type { Guest, GuestStatus, LifePolicy } from '@gantry/model';
import type { GuestStart } from '../actions.ts';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { isOnceDue } from './boot-once.ts';

/** At most this many automatic restarts in the window; each waits twice as long as the one before. */
export const restartLimit = { count: 5, windowMs: 10 * 60_000 };

/** A guest may follow late what an operator asked it to, a reboot or a stop; so long its ending is taken for that. */
const rebootMs = 5 * 60_000;

export type Verdict =
  | { what: 'start'; because: GuestStart['because'] }
  | { what: 'wait'; until: number; endedBy: NonNullable<GuestStatus['endedBy']> }
  | {
      what: 'stay-down';
      endedBy: NonNullable<GuestStatus['endedBy']>;
      state: 'stopped' | 'crashed';
      remember: boolean;
    };

type Ending = NonNullable<GuestMemory['ended']>;

const policyFor: Record<Ending, keyof Pick<LifePolicy, 'onPoweroff' | 'onReboot' | 'onCrash'>> = {
  'guest-poweroff': 'onPoweroff',
  'guest-reboot': 'onReboot',
  crash: 'onCrash',
  panic: 'onCrash',
  watchdog: 'onPoweroff',
};

/** libvirt's reason of a shut-off domain, where no event told us more. `destroyed` by someone else counts as a crash: it should run. */
function endingOf(seen: SeenDomain | undefined, memory: GuestMemory): Ending {
  if (memory.ended) return memory.ended;
  return seen?.reason === 'shutdown' ? 'guest-poweroff' : 'crash';
}

export function judgeEnding(
  guest: Guest,
  seen: SeenDomain | undefined,
  memory: GuestMemory,
  bootId: string,
  now: number,
): Verdict {
  if (isOnceDue(guest, memory)) return { what: 'start', because: 'wanted' };
  if (seen?.saved && guest.spec.memory === 'restore') return { what: 'start', because: 'wanted' };
  if (memory.ranInBoot === undefined) return { what: 'start', because: 'wanted' };
  if (memory.downBy?.wish === wishOf(guest)) {
    const by = memory.downBy.by;
    return {
      what: 'stay-down',
      endedBy: by,
      state: by === 'crash' || by === 'panic' ? 'crashed' : 'stopped',
      remember: false,
    };
  }
  if (memory.downBy) return { what: 'start', because: 'wanted' };
  // it ended before anybody looked, and was wanted anew meanwhile: somebody had it started whom nobody could tell
  if (memory.ranFor !== undefined && memory.ranFor !== wishOf(guest))
    return { what: 'start', because: 'wanted' };
  if (memory.ranInBoot !== bootId) {
    return guest.spec.life.startOnBoot ? { what: 'start', because: 'host-boot' } : stayDown('host');
  }
  if (memory.rebootAskedAt !== undefined && now - memory.rebootAskedAt < rebootMs)
    return { what: 'start', because: 'guest-reboot' };
  if (memory.stopWithdrawnAt !== undefined && now - memory.stopWithdrawnAt < rebootMs)
    return { what: 'start', because: 'wanted' };
  const ending = endingOf(seen, memory);
  // libvirt cannot tell whether it rebooted or powered off: it was to boot from elsewhere once, and goes on as always.
  if (memory.once?.now && (ending === 'guest-reboot' || ending === 'guest-poweroff'))
    return { what: 'start', because: 'guest-reboot' };
  if (guest.spec.life[policyFor[ending]] === 'stop') return stayDown(ending);
  const recent = memory.restarts.filter((at) => at > now - restartLimit.windowMs);
  if (recent.length >= restartLimit.count) return stayDown(ending === 'panic' ? 'panic' : 'crash');
  const until = recent.length === 0 ? now : Math.max(...recent) + 1000 * 2 ** (recent.length - 1);
  if (until > now) return { what: 'wait', until, endedBy: ending };
  return { what: 'start', because: ending === 'panic' || ending === 'watchdog' ? 'crash' : ending };
}

/** A stop that was asked for, and taken back: a guest that follows it all the same has not ended by itself. */
export function noteWithdrawn(memory: GuestMemory, now: number): void {
  if (memory.stopAskedAt !== undefined) memory.stopWithdrawnAt = now;
  delete memory.stopAskedAt;
  delete memory.stopRepeatedAt;
}

/**
 * Rises with everything that may want the guest anew: a start, a stop that is withdrawn. A generation that only changes
 * its policies does not wake one that ended by itself.
 */
export const wishOf = ({ generation, spec }: Guest): number => generation - (spec.standing ?? 0);

const stayDown = (ending: Ending | 'host'): Verdict => ({
  what: 'stay-down',
  endedBy: ending,
  state: ending === 'crash' || ending === 'panic' ? 'crashed' : 'stopped',
  remember: true,
});
