/** Lines of progress, with one line below them that is drawn over while it lasts. */
import { type Io, isFancy } from '../io.ts';
import { printable } from '../output/printable.ts';
import { widthOf } from '../output/table.ts';

const CLEAR = '\r\u001b[K';
const EVERY_MS = 200;

export class LiveLine {
  readonly #io: Io;
  readonly #text: () => string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `text` is asked several times a second what to show. */
  constructor(io: Io, text: () => string | undefined) {
    this.#io = io;
    this.#text = text;
    if (isFancy(io, io.stderr)) this.#timer = setInterval(() => this.#draw(), EVERY_MS);
  }

  /** Finished lines, above the live one. */
  print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const clear = this.#timer ? CLEAR : '';
    this.#io.stderr.write(`${clear}${lines.map((line) => `${printable(line)}\n`).join('')}`);
    this.#draw();
  }

  end(): void {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#io.stderr.write(CLEAR);
  }

  #draw(): void {
    const text = this.#text();
    if (!this.#timer || text === undefined) return;
    const room = (this.#io.stderr.columns ?? 80) - 1;
    let shown: string = printable(text);
    while (widthOf(shown) > room) shown = shown.slice(0, -1);
    this.#io.stderr.write(`${CLEAR}${shown}`);
  }
}
