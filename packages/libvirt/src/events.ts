import type { Connection } from './connection.ts';
import { EventQueue, type Gap } from './event-queue.ts';
import { decodeBody, type Packet, PROGRAM } from './frame.ts';
import type { EventKind } from './procedures/event-kind.ts';
import {
  type EventKindName,
  type EventOf,
  type EventSourceName,
  type EventSubject,
  eventSources,
} from './procedures/event-sources.ts';
import { targetOf } from './procedures/table.ts';

/** How to listen for events of one source. */
export type EventOptions<S extends EventSourceName, K extends EventKindName<S> = EventKindName<S>> = {
  /** Only what this says yes to; asked before an event takes a place in the queue. What it throws ends the loop. */
  readonly filter?: (event: EventOf<S, K>) => boolean;
  /** Ends the loop quietly. */
  readonly signal?: AbortSignal;
  /** Events kept for a slow consumer, 10,000 unless told. */
  readonly queueLimit?: number;
  /** Only of this object: `{ dom }`, `{ net }`, `{ pool }`, `{ dev }`, `{ secret }`. */
} & Partial<EventSubject<S>>;

export type DomainEventOptions = EventOptions<'domain'>;

/**
 * Events in the order in which they happened, `{ kind: 'missed', count }` where the consumer was too slow.
 * The loop ends when its signal fires or it is left, and throws when the connection is lost.
 */
export interface Events<E> extends AsyncIterableIterator<E | Gap> {
  /** Resolves when the server has taken all registrations: from then on nothing is missed. */
  readonly ready: Promise<void>;
}

export type DomainEvents<K extends EventKindName<'domain'>> = Events<EventOf<'domain', K>>;

const DEFAULT_QUEUE_LIMIT = 10_000;

interface KnownKind {
  readonly source: EventSourceName;
  readonly name: string;
  readonly kind: EventKind<object>;
}

const KINDS: readonly KnownKind[] = Object.entries(eventSources).flatMap(([source, { kinds }]) =>
  Object.entries(kinds).map(([name, kind]) => ({
    source: source as EventSourceName,
    name,
    kind: kind as unknown as EventKind<object>,
  })),
);
const keyOf = (program: number, procedure: number): string => `${program}:${procedure}`;
const BY_PACKET = new Map(
  KINDS.map((known) => [keyOf(eventSources[known.source].program, known.kind.procedure), known]),
);

/** The kinds of a source by name. @throws TypeError for one that there is not */
function kindsOf(source: EventSourceName, names: readonly string[]): KnownKind[] {
  return names.map((name) => {
    const known = KINDS.find((one) => one.source === source && one.name === name);
    if (known === undefined) throw new TypeError(`no ${source} event kind ${String(name)}`);
    return known;
  });
}

type AnyEvent = { readonly kind: string };
type Consumer = (event: AnyEvent) => void;

/**
 * Routes a connection's events to those who want them. A server takes each kind once per connection
 * ("event callback already tracked" otherwise), so a kind is registered for all objects when it is first wanted, stays
 * registered, and is shared: by kind alone it is known whom an event concerns.
 */
export class EventRouter {
  readonly #consumers = new Map<KnownKind, Set<Consumer>>();
  readonly #registered = new Map<KnownKind, Promise<unknown>>();

  /** Takes in a message; throws XdrError when it cannot be read. Messages of unknown kinds are nobody's. */
  receive(packet: Packet): void {
    const known = BY_PACKET.get(keyOf(packet.program, packet.procedure));
    if (known === undefined) return;
    const { event } = decodeBody(packet.body, (from) => known.kind.layout.read(from));
    for (const consumer of this.#consumers.get(known) ?? []) consumer({ ...event, kind: known.name });
  }

  add(kind: KnownKind, consumer: Consumer): void {
    const consumers = this.#consumers.get(kind) ?? new Set();
    this.#consumers.set(kind, consumers.add(consumer));
  }

  remove(consumer: Consumer): void {
    for (const consumers of this.#consumers.values()) consumers.delete(consumer);
  }

  /** Resolves when the server sends events of this kind. */
  async register(connection: Connection, known: KnownKind): Promise<void> {
    const registered = this.#registered.get(known) ?? registerOne(connection, known);
    this.#registered.set(known, registered);
    try {
      await registered;
    } catch (error) {
      if (this.#registered.get(known) === registered) this.#registered.delete(known);
      throw error;
    }
  }
}

function registerOne(connection: Connection, { source, kind }: KnownKind): Promise<unknown> {
  const { program, register } = eventSources[source];
  return connection.call(targetOf(register), program === PROGRAM.qemu ? {} : { eventID: kind.id });
}

/** A wish for events that outlives a connection: it may be attached to one after the other. */
export interface Subscription<E> {
  readonly queue: EventQueue<E>;
  /**
   * Registers on this connection; resolves when the server sends the events. With a mark, events count from there on:
   * what comes before all is registered is dropped, as the mark says to look for oneself.
   */
  attach(connection: Connection, router: EventRouter, mark?: () => E): Promise<void>;
  /** Ends the loop; with an error it throws. */
  stop(error?: Error): void;
}

const SUBJECTS = ['dom', 'net', 'pool', 'dev', 'secret'] as const;

/** Whether an event is wanted: of the right object and let through by the filter. */
function wantedBy<S extends EventSourceName>(
  source: S,
  options: EventOptions<S, never>,
): (event: AnyEvent) => boolean {
  const given = options as unknown as Record<string, unknown> & { filter?: (event: AnyEvent) => boolean };
  const identify = eventSources[source].identify as (event: unknown) => string;
  const only = SUBJECTS.some((name) => given[name] !== undefined) ? identify(given) : undefined;
  return (event) => (only === undefined || identify(event) === only) && (given.filter?.(event) ?? true);
}

/** Makes a subscription that ends with its signal, or when its loop is left. `onEnd` is called once, at the end. */
export function createSubscription<S extends EventSourceName, K extends EventKindName<S>>(
  source: S,
  names: readonly K[],
  options: EventOptions<S, K>,
  onEnd: () => void = () => {},
): Subscription<EventOf<S, K>> {
  const kinds = kindsOf(source, names);
  const wanted = wantedBy(source, options as EventOptions<S, never>);
  const { signal } = options;
  let current: EventRouter | undefined;
  let counts = true;
  const consume: Consumer = (event) => {
    try {
      if (counts && wanted(event)) queue.push(event as EventOf<S, K>);
    } catch (error) {
      stop(asError(error));
    }
  };
  const release = (): void => {
    current?.remove(consume);
    signal?.removeEventListener('abort', onAbort);
    onEnd();
  };
  const stop = (error?: Error): void => {
    queue.end(error);
    release();
  };
  const onAbort = (): void => stop();
  const queue = new EventQueue<EventOf<S, K>>(options.queueLimit ?? DEFAULT_QUEUE_LIMIT, release);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) stop();
  return {
    queue,
    stop,
    async attach(connection, router, mark) {
      if (queue.isEnded) return;
      current = router;
      counts = mark === undefined;
      for (const kind of kinds) router.add(kind, consume);
      await Promise.all(kinds.map((kind) => router.register(connection, kind)));
      if (mark !== undefined) queue.mark(mark());
      counts = true;
    },
  };
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Registers for `kinds` on one connection at once, and queues what comes until it is over. */
export function subscribe<S extends EventSourceName, K extends EventKindName<S>>(
  connection: Connection,
  router: EventRouter,
  source: S,
  kinds: readonly K[],
  options: EventOptions<S, K>,
): Events<EventOf<S, K>> {
  let leave = (): void => {};
  const { queue, attach, stop } = createSubscription(source, kinds, options, () => leave());
  if (!queue.isEnded) leave = connection.whenOver(stop);
  const ready = attach(connection, router);
  // Whoever does not await `ready` gets the failure from the loop.
  ready.catch((error: unknown) => stop(asError(error)));
  return Object.assign(queue, { ready });
}
