/** Lines of operations and events on their way to the controller: so much with a report, the rest with the next. */
import type { LogLine, NodeEvent } from '@gantry/model';
import type { AgentState } from './state.ts';

/** Of 32 MiB that the controller takes; the rest is for statuses with the explanations of all guests. */
const MOST_BYTES = 4 * 2 ** 20;
/** Of one operation in one report: the controller passes over what is more. */
const MOST_LINES = 1000;
const MOST_EVENTS = 1000;
/** The controller's limit for the message of an event. */
const LONGEST_MESSAGE = 2048;

export interface Records {
  log: Map<string, LogLine[]>;
  events: NodeEvent[];
}

/** Takes what fits; one line fits always. */
export function takeRecords(state: AgentState): Records {
  const events = state.events
    .splice(0, MOST_EVENTS)
    .map((event) => ({ ...event, message: event.message.slice(0, LONGEST_MESSAGE) }));
  const log: Records['log'] = new Map();
  let leftBytes = MOST_BYTES - sizeOf(events);
  for (const [operation, lines] of state.log) {
    let count = 0;
    for (const line of lines.slice(0, MOST_LINES)) {
      leftBytes -= sizeOf(line);
      if (leftBytes < 0 && (count > 0 || log.size > 0)) break;
      count++;
    }
    if (count === 0) break;
    log.set(operation, lines.slice(0, count));
    if (count === lines.length) state.log.delete(operation);
    else state.log.set(operation, lines.slice(count));
  }
  return { log, events };
}

const sizeOf = (value: object): number => Buffer.byteLength(JSON.stringify(value));

/** They go with the next report, before what has come since. */
export function giveBack(state: AgentState, { log: taken, events }: Records): void {
  state.events = [...events, ...state.events];
  const log = new Map(taken);
  for (const [operation, lines] of state.log) log.set(operation, [...(log.get(operation) ?? []), ...lines]);
  state.log = log;
}

export const hasRecords = ({ log, events }: Records): boolean => log.size > 0 || events.length > 0;
