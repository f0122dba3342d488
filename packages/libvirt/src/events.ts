import type { Connection } from './connection.ts';
import { EventQueue, type Gap } from './event-queue.ts';
import { decodeBody, type Packet, PROGRAM } from './frame.ts';
import type { Domain } from './objects.ts';
import {
  type DomainEvent,
  type DomainEventKind,
  domainEventKinds,
  type EventKind,
} from './procedures/domain-events.ts';
import { targetOf } from './procedures/table.ts';

/** How to listen for domain events. */
export interface DomainEventOptions {
  /** Only of this domain. */
  readonly dom?: Domain;
  /** Ends the loop quietly. */
  readonly signal?: AbortSignal;
  /** Events kept for a slow consumer, 10,000 unless told. */
  readonly queueLimit?: number;
}

/**
 * Events in the order in which they happened, `{ kind: 'missed', count }` where the consumer was too slow.
 * The loop ends when its signal fires or it is left, and throws when the connection is lost.
 */
export interface DomainEvents<K extends DomainEventKind> extends AsyncIterableIterator<DomainEvent<K> | Gap> {
  /** Resolves when the server has taken all registrations: from then on nothing is missed. */
  readonly ready: Promise<void>;
}

type Consumer = (event: DomainEvent) => void;

const DEFAULT_QUEUE_LIMIT = 10_000;

const KIND_OF = new Map<number, { name: DomainEventKind; kind: EventKind<object> }>(
  Object.entries(domainEventKinds).map(([name, kind]) => [
    kind.procedure,
    { name: name as DomainEventKind, kind: kind as unknown as EventKind<object> },
  ]),
);

/**
 * Routes a connection's domain events to those who want them. A server takes each kind once per connection
 * ("event callback already tracked" otherwise), so a kind is registered for all domains when it is first wanted, stays
 * registered, and is shared: by kind alone it is known whom an event concerns.
 */
export class EventRouter {
  readonly #consumers = new Map<DomainEventKind, Set<Consumer>>();
  readonly #registered = new Map<DomainEventKind, Promise<unknown>>();

  /** Takes in a message; throws XdrError when it cannot be read. Messages of unknown kinds are nobody's. */
  receive(packet: Packet): void {
    const known = packet.program === PROGRAM.remote ? KIND_OF.get(packet.procedure) : undefined;
    if (known === undefined) return;
    const { event } = decodeBody(packet.body, (from) => known.kind.layout.read(from));
    for (const consumer of this.#consumers.get(known.name) ?? [])
      consumer({ kind: known.name, ...event } as DomainEvent);
  }

  add(kind: DomainEventKind, consumer: Consumer): void {
    const consumers = this.#consumers.get(kind) ?? new Set();
    this.#consumers.set(kind, consumers.add(consumer));
  }

  remove(consumer: Consumer): void {
    for (const consumers of this.#consumers.values()) consumers.delete(consumer);
  }

  /** Resolves when the server sends events of this kind. */
  async register(connection: Connection, kind: DomainEventKind): Promise<void> {
    const target = targetOf('connectDomainEventCallbackRegisterAny');
    const registered =
      this.#registered.get(kind) ?? connection.call(target, { eventID: domainEventKinds[kind].id });
    this.#registered.set(kind, registered);
    try {
      await registered;
    } catch (error) {
      if (this.#registered.get(kind) === registered) this.#registered.delete(kind);
      throw error;
    }
  }
}

/** Registers for `kinds` at once and queues what comes. */
export function subscribe<K extends DomainEventKind>(
  connection: Connection,
  router: EventRouter,
  kinds: readonly K[],
  options: DomainEventOptions,
): DomainEvents<K> {
  for (const kind of kinds)
    if (!Object.hasOwn(domainEventKinds, kind)) throw new TypeError(`no domain event kind ${String(kind)}`);
  const { signal, dom } = options;
  const consume: Consumer = (event) => {
    if (dom === undefined || dom.uuid === event.dom.uuid) queue.push(event as DomainEvent<K>);
  };
  const release = (): void => {
    router.remove(consume);
    signal?.removeEventListener('abort', onAbort);
  };
  const stop = (error?: Error): void => {
    queue.end(error);
    release();
  };
  const onAbort = (): void => stop();
  const queue = new EventQueue<DomainEvent<K>>(options.queueLimit ?? DEFAULT_QUEUE_LIMIT, release);
  for (const kind of kinds) router.add(kind, consume);
  const ready = Promise.all(kinds.map((kind) => router.register(connection, kind))).then(() => {});
  // Whoever does not await `ready` gets the failure from the loop.
  ready.catch((error: unknown) => stop(error instanceof Error ? error : new Error(String(error))));
  connection.closed.then(
    (error) => stop(error),
    () => {},
  );
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) stop();
  return Object.assign(queue, { ready });
}
