/**
 * The one place where text of others (names, messages, what guests and nodes write) is made fit for a terminal. A terminal
 * obeys control characters, and shows text with directions turned round as something else than it is.
 */
import type { Sink } from '../io.ts';

declare const neutral: unique symbol;
/** Text that steers no terminal. */
export type Printable = string & { readonly [neutral]: true };

/** C0 but tab and newline, DEL, C1, line and paragraph separators, and what turns the direction of writing round (UAX #9). */
const steering =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const hex = (char: string, digits: number): string => char.charCodeAt(0).toString(16).padStart(digits, '0');
const visible = (char: string): string => (char < '\u0100' ? `\\x${hex(char, 2)}` : `\\u${hex(char, 4)}`);

/** The same with what could steer a terminal made visible. Tabs and newlines stay. */
export const printable = (text: string): Printable => text.replace(steering, visible) as Printable;

/** Neutral pieces one below the other. */
export const lines = (...pieces: readonly Printable[]): Printable => pieces.join('\n') as Printable;

/** A value as JSON: nothing is lost, JSON has an escape for each of these characters. */
export const printableJson = (value: unknown, indent?: number): Printable =>
  (JSON.stringify(value, undefined, indent) ?? 'null').replace(
    steering,
    (char) => `\\u${hex(char, 4)}`,
  ) as Printable;

/** A value as YAML, without the last end of line; where that would need characters that steer, as JSON, which is YAML too. */
export async function printableYaml(value: unknown): Promise<Printable> {
  // loaded on use: it costs every command 7 ms else
  const { Document, visit } = await import('yaml');
  const document = new Document(value);
  visit(document, {
    Scalar: (_, scalar) => {
      // a block that begins with white space does not come back as it was (yaml 2.9)
      if (typeof scalar.value === 'string' && /^\s/.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  // one end of line and no more: at the end of a block the others are part of the text
  const text = document.toString().replace(/\n$/, '');
  return text.search(steering) < 0 ? (text as Printable) : printableJson(value, 2);
}

/**
 * Ends of lines and colours, which guests write all the time, are taken off a text before the rest is made visible. Runs
 * are tried from their beginning alone: from each of their characters a guest that writes nothing else would take hours.
 */
const harmless = /(?<!\r)\r+(?=\n)|\u001b\[[\d;]*m/g;
/** What may become one of these with the next chunk, and is short enough to be kept for it. */
const unfinished = /(?:(?<!\r)\r{1,32}|\u001b(?:\[[\d;]{0,32})?)$/;

/** Bytes of a guest or node on their way to a person: neutral where `sink` is a terminal, untouched where it is not. */
export class PrintableBytes {
  readonly #sink: Sink;
  readonly #decoder = new TextDecoder();
  #held = '';

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** What of them can be shown already. */
  push(chunk: Uint8Array): Printable | Uint8Array {
    if (!this.#sink.isTTY) return chunk;
    const text = this.#held + this.#decoder.decode(chunk, { stream: true });
    this.#held = unfinished.exec(text)?.[0] ?? '';
    return printable(text.slice(0, text.length - this.#held.length).replace(harmless, ''));
  }

  /** What was held back. */
  end(): Printable {
    return printable((this.#held + this.#decoder.decode()).replace(harmless, ''));
  }
}
