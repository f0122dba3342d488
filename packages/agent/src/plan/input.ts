/** What the planner reads, and what it answers. Pure data: no clock, no I/O. */
import type { Assignments, GuestStatus, Problem, StatusReport } from '@gantry/model';
import type { Action, ActionName } from '../actions.ts';
import type { GuestMemory, JournalState } from '../env.ts';
import type { Observation } from '../observation.ts';

/** An action on this subject failed; it is tried again at `retryAt`, or when the spec's generation changes. */
export interface Failure {
  generation: number;
  problem: Problem;
  attempts: number;
  retryAt: number;
}

export interface PlanInput {
  assignments: Assignments;
  observation: Observation;
  memory: Pick<JournalState, 'acts' | 'guests' | 'disks'>;
  bootId: string;
  /** The controller confirmed the assignments in this boot, or needs not (single node). Without it nothing is started. */
  mayStart: boolean;
  /** Wall clock, ms. */
  now: number;
  /** Subjects with an action under way. */
  busy: ReadonlySet<string>;
  failures: ReadonlyMap<string, Failure>;
  accelerator: 'kvm' | 'tcg';
  /** Tickets of copies that were sent in this life of the agent. */
  sent?: ReadonlySet<string>;
}

export interface Plan {
  actions: Action[];
  statuses: StatusReport[];
  /** What to remember of each guest from now on; guests not named are forgotten. */
  guests: Record<string, GuestMemory>;
  /** Replicas of disks that were ever seen whole; those not named are forgotten. */
  disks: Record<string, number>;
  /** Things of this cluster on the node that the store does not know. Reported, never removed. */
  unknown: string[];
  /** What is under way and no longer wanted; what undoes it comes when the subject is free. */
  abandon: Abandon[];
  /** Look again at this time (wall clock, ms), if nothing happens before. */
  wakeAt?: number;
}

export interface Abandon {
  subject: string;
  doing: ActionName[];
}

/** What one planner of a noun answers. */
export interface Part {
  actions: Action[];
  status: StatusReport;
  abandon?: Abandon[];
  wakeAt?: number;
}

export interface GuestPart extends Part {
  memory: GuestMemory;
}

/** What is planned for a guest, its status completed by what is remembered of it. */
export type Answer = (status: GuestStatus, actions?: Action[], wakeAt?: number) => GuestPart;

/** May the subject be acted on now: not busy, and not waiting out a failure. */
export function free(input: PlanInput, subject: string, generation: number): boolean {
  if (input.busy.has(subject)) return false;
  const failure = input.failures.get(subject);
  return !failure || failure.generation !== generation || failure.retryAt <= input.now;
}

/** The failure to show, if it is about this generation. */
export function failureOf(input: PlanInput, subject: string, generation: number): Failure | undefined {
  const failure = input.failures.get(subject);
  return failure?.generation === generation ? failure : undefined;
}
