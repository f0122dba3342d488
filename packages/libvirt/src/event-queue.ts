/** A gap in a queue: this many events did not fit. */
export interface Gap {
  readonly kind: 'missed';
  /** How many events were dropped here because the consumer was too slow. */
  readonly count: number;
}

/** Taken items are forgotten in lots of this many. */
const COMPACT_AT = 1_024;

/**
 * An ordered queue with a limit and one consumer. When it is full further items are dropped and counted, and the
 * count is delivered in their place, so the consumer knows exactly where it has to look again for itself.
 */
export class EventQueue<T> implements AsyncIterableIterator<T | Gap> {
  #items: (T | Gap)[] = [];
  /** Where the next item is taken: shift() would move all the others. */
  #head = 0;
  readonly #limit: number;
  readonly #onReturn: () => void;
  #missed = 0;
  /** What must not be dropped although the queue is full: it comes after the gap. */
  #mark: T | undefined;
  #end: { error: Error | undefined } | undefined;
  #waiting: { resolve(result: IteratorResult<T | Gap>): void; reject(error: Error): void } | undefined;

  constructor(limit: number, onReturn: () => void) {
    if (!Number.isInteger(limit) || limit < 1)
      throw new RangeError('the queue needs room for one event at least');
    this.#limit = limit;
    this.#onReturn = onReturn;
  }

  /** Whether nothing more can come in. */
  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  push(item: T): void {
    if (this.#end !== undefined) return;
    if (this.#waiting !== undefined) this.#hand(item);
    else if (this.#isFull()) this.#missed += 1;
    else this.#items.push(item);
  }

  /** As {@link push} for what must arrive even when the queue is full; of several that meet a full queue the last does. */
  mark(item: T): void {
    if (this.#end !== undefined || this.#waiting !== undefined || !this.#isFull()) this.push(item);
    else this.#mark = item;
  }

  #isFull(): boolean {
    return this.#missed > 0 || this.#mark !== undefined || this.#items.length - this.#head >= this.#limit;
  }

  #hand(value: T | Gap): void {
    this.#waiting?.resolve({ done: false, value });
    this.#waiting = undefined;
  }

  /** No more comes. What is queued is still delivered, then the end or the error. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error !== undefined) waiting?.reject(error);
    else waiting?.resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T | Gap>> {
    const item = this.#take();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.#end !== undefined) return this.#finished(this.#end.error);
    if (this.#waiting !== undefined) return Promise.reject(new Error('an event queue has one consumer only'));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** What is queued comes first; a gap lies after everything that was queued before it opened, and a mark after the gap. */
  #take(): T | Gap | undefined {
    if (this.#head < this.#items.length) return this.#shift();
    const [count, mark] = [this.#missed, this.#mark];
    this.#missed = 0;
    if (count > 0) return { kind: 'missed', count };
    this.#mark = undefined;
    return mark;
  }

  #shift(): T | Gap | undefined {
    const item = this.#items[this.#head++];
    if (this.#head === this.#items.length || this.#head >= COMPACT_AT) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  #finished(error: Error | undefined): Promise<IteratorResult<T | Gap>> {
    this.#end = { error: undefined };
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }

  return(): Promise<IteratorResult<T | Gap>> {
    this.end();
    this.#items = [];
    this.#head = 0;
    this.#missed = 0;
    this.#mark = undefined;
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
