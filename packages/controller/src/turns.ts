/**
 * Requests that change something take turns within one controller: those that decide on the same state would otherwise
 * lose against each other again and again. What makes them right is the commit's comparison, not this.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** First come, first served. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
