/**
 * The agent's connection to libvirt: opened when first needed, opened again after it was lost. While it is open its
 * events are listened to, so that what was read once may be kept until an event says otherwise.
 */
import { connect, type DomainEvent, type Gap, type LibvirtClient } from '@gantry/libvirt';
import type { Clock } from '../env.ts';

/** Ordinary calls answer in milliseconds; a daemon that is silent for so long is as good as gone. */
const CALL_TIMEOUT_MS = 30_000;
/** Of a call that takes as long as a guest's memory is large: it ends with its answer, or with libvirt. */
export const NO_LIMIT = { callTimeoutMs: 0 } as const;

const eventKinds = [
  'lifecycle',
  'reboot',
  'watchdog',
  'ioErrorReason',
  'metadataChange',
  'deviceAdded',
  'deviceRemoved',
  'deviceRemovalFailed',
  'balloonChange',
  'trayChange',
] as const;
export type SeenEvent = DomainEvent<(typeof eventKinds)[number]> | Gap;

export interface SessionOptions {
  socket?: string;
  uri: string;
  clock: Clock;
  log(level: 'debug' | 'warn', message: string, fields?: Record<string, unknown>): void;
}

export interface Session {
  /** The connection; opened now if there is none. @throws TransportError, LibvirtError */
  client(): Promise<LibvirtClient>;
  /** A connection of its own for one call that may take long, so that it holds up no other. Limited as others unless told. */
  aside<T>(work: (lv: LibvirtClient) => Promise<T>, limits?: { callTimeoutMs: number }): Promise<T>;
  /** Told of every event, and of every new connection: events may have been missed before it. */
  listen(listener: Listener): () => void;
  /** Keeps the connection open until the signal aborts. */
  keep(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Listener {
  event?(event: SeenEvent): void;
  connected?(): void;
}

export function createSession(options: SessionOptions): Session {
  const { uri, clock, log } = options;
  const target = {
    uri,
    callTimeoutMs: CALL_TIMEOUT_MS,
    ...(options.socket ? { socket: options.socket } : {}),
  };
  const listeners = new Set<Listener>();
  let current: Promise<LibvirtClient> | undefined;

  async function open(): Promise<LibvirtClient> {
    const lv = await connect(target);
    const events = lv.domainEvents(eventKinds);
    const pump = async () => {
      try {
        for await (const event of events) for (const listener of listeners) listener.event?.(event);
      } finally {
        // without its events what is known of libvirt would be old for ever
        await lv.close();
      }
    };
    pump().catch((error: unknown) => log('debug', 'libvirt’s events ended', { error: String(error) }));
    await events.ready;
    for (const listener of listeners) listener.connected?.();
    return lv;
  }

  const client = (): Promise<LibvirtClient> => {
    if (current) return current;
    const opening = open();
    current = opening;
    const forget = () => {
      if (current === opening) current = undefined;
    };
    opening.then((lv) => lv.closed.then(forget, forget), forget);
    return opening;
  };

  return {
    client,
    async aside(work, limits = { callTimeoutMs: CALL_TIMEOUT_MS }) {
      // a call without a limit must see for itself whether libvirt lives
      const limited = limits.callTimeoutMs > 0 && { keepAlive: false as const };
      const lv = await connect({ ...target, ...limits, ...limited });
      try {
        return await work(lv);
      } finally {
        await lv.close();
      }
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async keep(signal) {
      const over = aborted(signal);
      for (let waitMs = 100; !signal.aborted; waitMs = Math.min(waitMs * 2, 5000)) {
        try {
          const lv = await client();
          waitMs = 50;
          await Promise.race([lv.closed, over]);
        } catch (error) {
          log('debug', 'libvirt cannot be reached', { error: String(error) });
        }
        if (!signal.aborted) await clock.sleep(waitMs, signal).catch(() => undefined);
      }
    },
    async close() {
      await (await current?.catch(() => undefined))?.close();
    },
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
