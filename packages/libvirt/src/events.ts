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

const DEFAULT_QUEUE_LIMIT = 10_000;
/** Events kept for registrations whose answer is still on its way. */
const EARLY_LIMIT = 10_000;

const KIND_OF = new Map<number, { name: DomainEventKind; kind: EventKind<object> }>(
  Object.entries(domainEventKinds).map(([name, kind]) => [
    kind.procedure,
    { name: name as DomainEventKind, kind: kind as unknown as EventKind<object> },
  ]),
);

/** Routes a connection's domain events to those who registered for them. */
export class EventRouter {
  readonly #consumers = new Map<string, (event: DomainEvent) => void>();
  #early: { key: string; event: DomainEvent }[] = [];
  #registering = 0;

  /** Takes in a message; throws XdrError when it cannot be read. Messages of unknown kinds are nobody's. */
  receive(packet: Packet): void {
    if (packet.program !== PROGRAM.remote) return;
    const known = KIND_OF.get(packet.procedure);
    if (known === undefined) return;
    const { callbackID, event } = decodeBody(packet.body, (from) => known.kind.layout.read(from));
    this.#deliver(keyOf(known.kind.id, callbackID), { kind: known.name, ...event } as DomainEvent);
  }

  /** An event may overtake the answer to the registration it belongs to: keep it until the id is known. */
  #deliver(key: string, event: DomainEvent): void {
    const consumer = this.#consumers.get(key);
    if (consumer !== undefined) consumer(event);
    else if (this.#registering > 0 && this.#early.length < EARLY_LIMIT) this.#early.push({ key, event });
  }

  /** Registers one kind; gives the way to take it back. */
  async register(
    connection: Connection,
    kind: DomainEventKind,
    dom: Domain | undefined,
    consumer: (event: DomainEvent) => void,
  ): Promise<() => Promise<unknown>> {
    const { id } = domainEventKinds[kind];
    this.#registering += 1;
    try {
      const register = targetOf('connectDomainEventCallbackRegisterAny');
      const callbackID = (await connection.call(register, { eventID: id, dom })) as number;
      const key = keyOf(id, callbackID);
      this.#consumers.set(key, consumer);
      this.#replay(key, consumer);
      return () => this.#deregister(connection, key, callbackID);
    } finally {
      this.#registering -= 1;
      if (this.#registering === 0) this.#early = [];
    }
  }

  #replay(key: string, consumer: (event: DomainEvent) => void): void {
    const mine = this.#early.filter((early) => early.key === key);
    this.#early = this.#early.filter((early) => early.key !== key);
    for (const { event } of mine) consumer(event);
  }

  async #deregister(connection: Connection, key: string, callbackID: number): Promise<void> {
    this.#consumers.delete(key);
    if (connection.isOpen)
      await connection.call(targetOf('connectDomainEventCallbackDeregisterAny'), { callbackID });
  }
}

const keyOf = (eventId: number, callbackID: number): string => `${eventId}:${callbackID}`;

/** Registers for `kinds` at once and queues what comes. */
export function subscribe<K extends DomainEventKind>(
  connection: Connection,
  router: EventRouter,
  kinds: readonly K[],
  options: DomainEventOptions,
): DomainEvents<K> {
  const registered: (() => Promise<unknown>)[] = [];
  let stopped = false;
  const undo = (): void => {
    stopped = true;
    // The server forgets registrations with the connection; failing to take one back harms nobody.
    for (const deregister of registered.splice(0)) deregister().catch(() => {});
  };
  const queue = new EventQueue<DomainEvent<K>>(options.queueLimit ?? DEFAULT_QUEUE_LIMIT, undo);
  const stop = (error?: Error): void => {
    queue.end(error);
    undo();
    options.signal?.removeEventListener('abort', onAbort);
  };
  const onAbort = (): void => stop();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const registerAll = async (): Promise<void> => {
    for (const kind of new Set(kinds)) {
      if (stopped) return;
      registered.push(
        await router.register(connection, kind, options.dom, (event) => queue.push(event as DomainEvent<K>)),
      );
    }
    if (stopped) undo();
  };
  if (options.signal?.aborted) stop();
  const ready = registerAll();
  ready.catch((error: unknown) => stop(error instanceof Error ? error : new Error(String(error))));
  connection.closed.then(
    (error) => stop(error),
    () => {},
  );
  return Object.assign(queue, { ready });
}
