/**
 * The serial console of a guest, for any number of people at a time: libvirt gives it to one only, so the first who comes
 * opens it, and a while after the last has left it is closed. All see all that the guest writes, all may type. It goes on
 * as fast as the slowest of them reads; who reads nothing for a while is let go.
 */
import { Duplex } from 'node:stream';
import type { Clock } from '../env.ts';

/** As much as a viewer may lag behind before the others wait for him. */
const LAG_BYTES = 256 * 1024;
/** So long is waited for one who reads nothing. */
const PATIENCE_MS = 5000;
/**
 * QEMU looks once a second whether anybody has opened its pty, and reads nothing while it sees nobody: what was typed by one
 * who leaves at once would wait there for the next who comes. It may be late, too.
 */
export const LINGER_MS = 3000;

export interface ConsoleStream {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
}

export interface ConsoleRooms {
  /** A seat before the console of that guest; destroying it leaves. @throws whatever opening it throws */
  enter(instance: string): Promise<Duplex>;
}

export function createConsoleRooms(
  open: (instance: string) => Promise<ConsoleStream>,
  clock: Pick<Clock, 'sleep'>,
): ConsoleRooms {
  const rooms = new Map<string, Promise<Room>>();
  const roomOf = (instance: string): Promise<Room> => {
    const there = rooms.get(instance);
    if (there) return there;
    const forget = () => {
      if (rooms.get(instance) === opening) rooms.delete(instance);
    };
    const opening = open(instance).then((stream) => new Room(stream, clock, forget));
    opening.catch(forget);
    rooms.set(instance, opening);
    return opening;
  };
  return {
    async enter(instance) {
      for (;;) {
        const room = await roomOf(instance);
        if (!room.over) return room.enter();
      }
    },
  };
}

class Room {
  /** The last has left, or the guest is gone: a new one is needed. */
  over = false;
  readonly #seats = new Set<Seat>();
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #closed: () => void;
  #lingering = new AbortController();

  constructor({ readable, writable }: ConsoleStream, clock: Pick<Clock, 'sleep'>, closed: () => void) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => undefined);
    this.#clock = clock;
    this.#closed = closed;
    void this.#spread();
  }

  enter(): Duplex {
    this.#lingering.abort();
    const seat = new Seat(
      (chunk) => this.#writer.write(chunk),
      () => this.#leave(seat),
    );
    this.#seats.add(seat);
    return seat;
  }

  async #spread(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        await Promise.all([...this.#seats].map((seat) => seat.show(value, this.#clock)));
      }
      this.#close();
    } catch (error) {
      this.#close(error as Error);
    }
  }

  #leave(seat: Seat): void {
    this.#seats.delete(seat);
    if (this.#seats.size > 0 || this.over) return;
    this.#lingering = new AbortController();
    this.#clock.sleep(LINGER_MS, this.#lingering.signal).then(
      () => this.#shut(),
      () => undefined,
    );
  }

  /** In order: libvirt agrees when the guest's end has taken what was typed. One that reads nothing is not waited for. */
  async #shut(): Promise<void> {
    if (this.#seats.size > 0 || this.over) return;
    this.#end();
    const agreed = new AbortController();
    const late = this.#clock.sleep(PATIENCE_MS, agreed.signal);
    await Promise.race([this.#writer.close(), late]).catch(() => undefined);
    agreed.abort();
    this.#reader.cancel().catch(() => undefined);
    this.#writer.abort().catch(() => undefined);
  }

  #end(): void {
    this.over = true;
    this.#lingering.abort();
    this.#closed();
  }

  #close(error?: Error): void {
    this.#end();
    for (const seat of [...this.#seats])
      if (error) seat.destroy(error);
      else seat.push(null);
  }
}

/** One viewer: what he types goes to the guest in the order in which all type. */
class Seat extends Duplex {
  #wantsMore = (): void => undefined;

  constructor(type: (chunk: Uint8Array) => Promise<void>, leave: () => void) {
    super({
      allowHalfOpen: false,
      write: (chunk: Uint8Array, _encoding, done) => void type(chunk).then(() => done(), done),
      destroy: (error, done) => {
        leave();
        this.#wantsMore();
        done(error);
      },
    });
  }

  override _read(): void {
    this.#wantsMore();
  }

  /** Resolves when he may be shown more, or was let go. */
  async show(bytes: Uint8Array, clock: Pick<Clock, 'sleep'>): Promise<void> {
    if (this.destroyed) return;
    this.push(bytes);
    if (this.readableLength <= LAG_BYTES) return;
    const over = new AbortController();
    const reads = new Promise<'reads'>((resolve) => {
      this.#wantsMore = () => resolve('reads');
    });
    const waited = await Promise.race([reads, clock.sleep(PATIENCE_MS, over.signal).then(() => 'waited')]);
    over.abort();
    if (waited === 'waited') this.destroy(new Error('nothing of what the guest wrote was read'));
  }
}
