import type { Notice, Store } from './store.ts';

/** Remembers that it was rung between two waits, so that no wake-up is lost. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;
  readonly #unsubscribe: () => void;
  readonly #signal: AbortSignal;

  constructor(store: Store, signal: AbortSignal, concerns: (notice: Notice) => boolean) {
    this.#signal = signal;
    this.#unsubscribe = store.subscribe((notice) => concerns(notice) && this.#ring());
    signal.addEventListener('abort', this.#ring, { once: true });
  }

  reset(): void {
    this.#rung = this.#signal.aborted;
  }

  async rung(): Promise<void> {
    if (this.#rung) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  close(): void {
    this.#unsubscribe();
    this.#signal.removeEventListener('abort', this.#ring);
  }

  readonly #ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };
}
