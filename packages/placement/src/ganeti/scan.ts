/**
 * A cluster file in one pass: where each field ends, and its number if it is one. A file of a thousand nodes has a hundred
 * thousand fields, most of them numbers, so nothing is made of a field before somebody asks for it.
 */

const [PIPE, NEWLINE, ZERO, NINE, LAST_ASCII] = [0x7c, 0x0a, 0x30, 0x39, 0x7f];
/** Numbers of so many digits fit in 31 bits. */
const MOST_DIGITS = 9;
const [BYTES_PER_FIELD, FIELDS_PER_LINE] = [6, 8];

export class Scan {
  readonly bytes: Uint8Array;
  /** Of each field: the offset of the `|` or line end behind it. */
  ends: Uint32Array;
  /** Of each field: its value; -1: it is no whole number of at most 9 digits. Whole numbers, as doubles of objects are boxed. */
  numbers: Int32Array;
  /** Of each line: index of the field after its last one. */
  lines: Uint32Array;
  lineCount = 0;
  /** Does the last line have an end? */
  whole = true;
  hasNul = false;
  /** With a character for each byte; undefined: there are characters of several bytes. */
  #text: string | undefined;
  static readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const fields = Math.ceil(bytes.length / BYTES_PER_FIELD) + 1;
    this.ends = new Uint32Array(fields);
    this.numbers = new Int32Array(fields);
    this.lines = new Uint32Array(Math.ceil(fields / FIELDS_PER_LINE) + 1);
    if (this.#read() <= LAST_ASCII) this.#text = Scan.#decoder.decode(bytes);
  }

  /** What is from one offset to another. */
  text(from: number, to: number): string {
    return this.#text?.slice(from, to) ?? Scan.#decoder.decode(this.bytes.subarray(from, to));
  }

  /** One long loop: it is the part of the program that sees every byte. Answers the greatest of them. */
  #read(): number {
    const { bytes } = this;
    let { ends, numbers } = this;
    let [count, start, value, isNumber, greatest] = [0, 0, 0, true, 0];
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      if (byte >= ZERO && byte <= NINE) value = (value * 10 + byte - ZERO) | 0;
      else if (byte === PIPE || byte === NEWLINE) {
        if (count === ends.length) ({ ends, numbers } = this.#growFields());
        ends[count] = at;
        numbers[count] = isNumber && at > start && at - start <= MOST_DIGITS ? value : -1;
        start = at + 1;
        value = 0;
        isNumber = true;
        count += 1;
        if (byte === NEWLINE) this.#endLine(count);
      } else {
        isNumber = false;
        if (byte > greatest) greatest = byte;
        if (byte === 0) this.hasNul = true;
      }
    }
    this.whole = bytes.at(-1) === NEWLINE;
    return greatest;
  }

  #endLine(fields: number): void {
    if (this.lineCount === this.lines.length) {
      const before = this.lines;
      this.lines = new Uint32Array(before.length * 2);
      this.lines.set(before);
    }
    this.lines[this.lineCount] = fields;
    this.lineCount += 1;
  }

  #growFields(): Pick<Scan, 'ends' | 'numbers'> {
    const { ends, numbers } = this;
    this.ends = new Uint32Array(ends.length * 2);
    this.ends.set(ends);
    this.numbers = new Int32Array(ends.length * 2);
    this.numbers.set(numbers);
    return this;
  }
}
