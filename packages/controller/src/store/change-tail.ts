/** The newest changes in memory, so that many watchers at the end of the log cost no query each. */
import type { Change, Notice } from './store.ts';

/** Objects can be 20 KB each; a watcher that is further behind reads the log. */
const KEEP = 256;

export class ChangeTail {
  #changes: Change[] = [];
  readonly #subscribers = new Set<(notice: Notice) => void>();

  append(notice: Notice): void {
    this.#changes.push(...notice.changes);
    if (this.#changes.length > 2 * KEEP) this.#changes = this.#changes.slice(-KEEP);
    for (const tell of [...this.#subscribers]) tell(notice);
  }

  /** Changes after a number, or undefined when they may be older than what is kept here. */
  after(number: number, limit: number): readonly Change[] | undefined {
    const first = this.#changes[0];
    if (!first || number + 1 < first.number) return undefined;
    const start = number + 1 - first.number;
    return this.#changes.slice(start, start + limit);
  }

  forgetUntil(number: number): void {
    this.#changes = this.#changes.filter((change) => change.number > number);
  }

  subscribe(tell: (notice: Notice) => void): () => void {
    this.#subscribers.add(tell);
    return () => this.#subscribers.delete(tell);
  }

  close(): void {
    this.#subscribers.clear();
  }
}
