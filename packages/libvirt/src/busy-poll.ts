/** How long the event loop stays awake for one answer, in µs. libvirtd answers its short calls within 40 to 150. */
export const BUSY_POLL_MICROS = 200;

/** After this many answers in a row that came too late, one call in so many is still tried. */
const MOST_SKIPPED = 64;

/** Where time and turns of the event loop come from; tests bring their own. */
export interface Turns {
  /** Monotonic, in ms. */
  now(): number;
  /** Runs `step` in the next turn of the event loop, which does not sleep meanwhile. */
  next(step: () => void): void;
}

const eventLoop: Turns = { now: () => performance.now(), next: (step) => void setImmediate(step) };

/**
 * Keeps the event loop from falling asleep while one short answer is on its way: waking a sleeping thread costs about
 * as much as libvirtd's whole work on such a call. Everything else of the loop goes on meanwhile. It learns as the halt
 * polling of Linux' KVM does: answers that take longer than the stay are soon slept for again, so that a slow server,
 * or a core that both share, costs next to nothing.
 */
export class BusyPoll {
  readonly #stayMs: number;
  readonly #turns: Turns;
  #staying = false;
  #until = 0;
  /** Calls to sleep for before the next attempt, and how many the next failure makes it. */
  #toSkip = 0;
  #skips = 0;

  constructor(stayMicros: number, turns: Turns = eventLoop) {
    this.#stayMs = stayMicros / 1_000;
    this.#turns = turns;
  }

  /** A call went out and no other waits. */
  begin(): void {
    if (this.#stayMs === 0) return;
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return;
    }
    this.#until = this.#turns.now() + this.#stayMs;
    if (this.#staying) return;
    this.#staying = true;
    this.#turns.next(this.#step);
  }

  /** Something was received: whether it came in time teaches how to wait for the next. */
  heard(): void {
    if (this.#until === 0) return;
    this.#until = 0;
    this.#skips = 0;
  }

  /** One turn of the loop, which has looked for bytes since the last. The last turn of a stay is left to `heard`. */
  readonly #step = (): void => {
    if (this.#until !== 0 && this.#turns.now() < this.#until) {
      this.#turns.next(this.#step);
      return;
    }
    this.#staying = false;
    if (this.#until === 0) return;
    this.#until = 0;
    this.#skips = Math.min(MOST_SKIPPED, this.#skips * 2 + 1);
    this.#toSkip = this.#skips;
  };
}
