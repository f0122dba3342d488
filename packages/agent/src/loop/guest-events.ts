/**
 * Events of guests on their way to the controller. A guest can make them as fast as it likes (reboots, a tray that opens and
 * closes), and the controller may be away for days: so there are bounds. What a guest is now its status tells, not its events.
 */
import type { NodeEvent } from '@gantry/model';

/** Of one kind from one guest. */
const MOST_A_MINUTE = 20;
const MINUTE_MS = 60_000;
/** Of all guests together, for a controller that is away: the oldest go. */
const MOST_WAITING = 10_000;

export interface GuestEvents {
  events: NodeEvent[];
  /** `bootMs` of the latest, by kind and guest. */
  recent: Map<string, number[]>;
}

/** @param nowMs `bootMs` */
export function addEvent(to: GuestEvents, event: NodeEvent, nowMs: number): void {
  const isRecent = (at: number): boolean => at > nowMs - MINUTE_MS;
  for (const [key, times] of to.recent) if (!times.some(isRecent)) to.recent.delete(key);
  const key = `${event.type} ${event.instance}`;
  const times = (to.recent.get(key) ?? []).filter(isRecent);
  if (times.length >= MOST_A_MINUTE) return;
  to.recent.set(key, [...times, nowMs]);
  to.events = [...to.events, event].slice(-MOST_WAITING);
}
