/** Time, randomness and effects reach the agent only through these, so that a simulator can provide all of them. */
import type {
  Assignments,
  Condition,
  GuestStatus,
  Inside,
  NodeFacts,
  NodeStatus,
  Problem,
  Provenance,
  Report,
  ReportAnswer,
  TunnelRequest,
} from '@gantry/model';
import type { Action, Logger, Outcome } from './actions.ts';
import type { Position, Read } from './console/reader.ts';
import type { Observation } from './observation.ts';

export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** CLOCK_BOOTTIME, ms: goes on while suspended, starts anew with each boot. */
  bootMs(): number;
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Env {
  clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  uuid(): string;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void;
}

/** Signs of life of a guest, seen by the agent from outside it. */
export interface Liveness {
  instance: string;
  domainId?: number;
  pingAt?: number;
  sshAt?: number;
}

/** Something that happened to a domain, as libvirt told it. A hint to look, and a record of why. */
export interface DomainHappening {
  uuid: string;
  what:
    | 'started'
    | 'stopped'
    | 'guest-poweroff'
    | 'guest-reboot'
    | 'crash'
    | 'panic'
    | 'watchdog'
    | 'io-error'
    | 'tray'
    | 'other';
  detail: string;
}

/** The node: looked at and acted on. Implemented for real (libvirt, files, bridges) and by the simulator. */
export interface Host {
  bootId(): string;
  facts(): Promise<NodeFacts>;
  /** What is being found out that may take long, for people; undefined: nothing. */
  examines(): string | undefined;
  /** Numbers that change: free memory and storage. */
  gauges(): Promise<Pick<NodeStatus, 'storage' | 'memoryFreeMiB'>>;
  /** @param anew nothing is taken from the look before, whatever it costs */
  observe(anew?: boolean): Promise<Observation>;
  /** @throws GantryError */
  perform(action: Action, log: Logger, signal: AbortSignal): Promise<Outcome>;
  /** Origin of every element of a guest's domain, as last defined here. */
  explain(instance: string): Promise<Provenance[] | undefined>;
  /** Paths for the user: console log, display socket. */
  paths(instance: string): { console: string; vnc: string };
  /** Calls back for every happening until the signal aborts; reconnects by itself. */
  watch(onHappening: (happening: DomainHappening) => void, signal: AbortSignal): Promise<void>;
  /** Resolves when the address first answers a ping (and again when ssh answers), or the signal aborts. */
  probe(
    target: { instance: string; ipv4: string; bridge: string; mac?: string },
    onLive: (sign: 'ping' | 'ssh', at: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Where the console log of the latest start begins. */
  consoleStart(instance: string): Promise<Position>;
  /** What the guest wrote to its serial console after `from`, bounded. */
  readConsole(instance: string, from: Position): Promise<Read>;
  /** The lines of its screen in text mode. @throws GantryError */
  screen(instance: string): Promise<string[]>;
  /** What the agent inside it tells. @throws GantryError */
  inside(instance: string): Promise<Inside>;
}

/** What survives the agent: assignments, acts begun and ended, what was last seen. Writes are durable when they return. */
export interface Journal {
  read(): Promise<JournalState | undefined>;
  write(state: JournalState): Promise<void>;
}

export interface JournalState {
  /** Rises with every start of the agent. */
  run: number;
  assignments?: Assignments;
  /** The boot in which the controller last confirmed the assignments. */
  confirmedInBoot?: string;
  /** Acts by id: begun, or ended with their outcome. An act found begun after a start of the agent is `unknown`. */
  acts: Record<string, { state: 'begun' | 'done' | 'failed' | 'unknown'; problem?: Problem; at: number }>;
  /** Per instance: what the planner must know about the past. */
  guests: Record<string, GuestMemory>;
  /** Replicas of disks that were seen whole, and when first (wall-clock ms): one that is gone is not made anew. */
  disks?: Record<string, number>;
}

export interface GuestMemory {
  /** Boot in which the domain was last seen running. */
  ranInBoot?: string;
  /** Wish for which it was last seen running, if it was since its start: one that is wanted anew since then has not ended for that. */
  ranFor?: number;
  /** Why it is down: it ended so while the policy said stop, or was told to. It stays so until it is wanted anew. */
  downBy?: { by: NonNullable<GuestStatus['endedBy']>; wish: number };
  /** Automatic restarts, wall-clock ms; those older than the window are dropped. */
  restarts: number[];
  /** A graceful stop was first, and last, asked for at (wall-clock ms). */
  stopAskedAt?: number;
  stopRepeatedAt?: number;
  /** A stop that was asked for was taken back at (wall-clock ms); until the next start. */
  stopWithdrawnAt?: number;
  /** Latest ending that libvirt told of, to know a poweroff from a crash. */
  ended?: 'guest-poweroff' | 'guest-reboot' | 'crash' | 'panic' | 'watchdog';
  /** An operator’s reboot was passed on at (wall-clock ms): an ending soon after it is part of the reboot. */
  rebootAskedAt?: number;
  rebootRepeatedAt?: number;
  /** `probeText` of the addresses that nobody else answered for. */
  probed?: string;
  /** Disks that the running guest was asked to give up and is to have all the same. */
  unplugging?: string[];
  /** Places of CD drives that were changed on our word, until they are seen to be as they are to be. */
  cds?: number[];
  /** Operation whose change of a device was carried out in the guest that runs. */
  updatedBy?: string;
  startedAt?: number;
  /** It was last seen to reboot inside the same QEMU; what it said of itself before is of another boot. */
  rebootedAt?: number;
  firstPingAt?: number;
  sshReadyAt?: number;
  /** The latest start that booted from elsewhere: whether it is the present one (or was, until its end), and has run. */
  once?: { operation: string; now?: true; ran?: true };
  /** Size that was asked for and reached: what it is otherwise since, somebody else did. */
  sized?: { vcpus?: number; memoryMiB?: number };
  /** On its way to another size: from which, how far it was seen, and when it last moved and was last asked (wall-clock ms). */
  ballooning?: { fromMiB: number; toMiB: number; seenMiB: number; movedAt: number; askedAt?: number };
  /** Where the console log of this boot begins, and what was found in it, so that an agent started anew finds the same. */
  console?: { from: Position; found: Condition[] };
}

/** The agent's way to the controller. Every call may fail, be lost, or be answered twice. */
export interface ControllerLink {
  assignments(signal: AbortSignal): Promise<Assignments>;
  /** Calls back whenever assignments may have changed or a tunnel is wanted; returns when the connection ends. */
  watch(
    from: string | undefined,
    on: { changed(): void; tunnel(request: TunnelRequest): void },
    signal: AbortSignal,
  ): Promise<void>;
  report(report: Report, signal: AbortSignal): Promise<ReportAnswer>;
  /** The content of an image, for base.ensure. */
  imageContent(imageId: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}
