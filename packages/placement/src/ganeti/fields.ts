/** Fields of a line, read with a refusal that names line and field. */
import { err } from '@gantry/model';

/** No file of a real cluster has more; a guard against what is no cluster file at all. */
export const MAX_LINE = 1 << 20;

export class Line {
  readonly #what: string;
  #number = 0;
  #line = '';
  /** Where each field ends. */
  readonly #ends: number[] = [];

  /** @param what `node`, `instance`: for refusals */
  constructor(what: string) {
    this.#what = what;
  }

  /** The next line. One reader serves a whole section, as a file has ten thousand lines. */
  read(number: number, text: string): this {
    this.#number = number;
    this.#line = text;
    this.#ends.length = 0;
    for (let at = text.indexOf('|'); at >= 0; at = text.indexOf('|', at + 1)) this.#ends.push(at);
    this.#ends.push(text.length);
    return this;
  }

  /** Number of fields. */
  get length(): number {
    return this.#ends.length;
  }

  /** How messages call it. */
  get name(): string {
    return `${this.#what} ${this.#line.slice(0, this.#ends[0])}`;
  }

  /** @throws GantryError `invalid_cluster_file` where it is missing */
  text(index: number, field: string): string {
    const end = this.#end(index, field);
    return this.#line.slice(this.#start(index), end);
  }

  isEmpty(index: number, field: string): boolean {
    return this.#start(index) === this.#end(index, field);
  }

  #start(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] as number) + 1;
  }

  #end(index: number, field: string): number {
    const end = this.#ends[index];
    if (end === undefined) throw this.bad(`${field} is missing: the line ends after ${this.length} fields`);
    return end;
  }

  /** -1: it is no whole number. */
  #digits(index: number, field: string): number {
    return digits(this.#line, this.#start(index), this.#end(index, field));
  }

  /** Not empty. */
  nonEmpty(index: number, field: string): string {
    const value = this.text(index, field);
    if (value === '') throw this.bad(`${field} is empty`);
    return value;
  }

  /** A whole number; may be negative, as free figures of overfull nodes are. */
  int(index: number, field: string): number {
    const number = this.#digits(index, field);
    if (number >= 0) return number;
    const value = this.text(index, field);
    const positive = value.startsWith('-') ? digits(value, 1, value.length) : -1;
    if (positive < 0) throw this.bad(`${field} is ${quoted(value)}, not a whole number`);
    return -positive;
  }

  /** A whole number, not negative. */
  count(index: number, field: string): number {
    const number = this.#digits(index, field);
    if (number >= 0) return number;
    throw this.bad(`${field} is ${quoted(this.text(index, field))}, not a whole number, 0 or more`);
  }

  /** A number, not negative; also as `1.5` and `1.0e-2`. */
  real(index: number, field: string): number {
    const number = this.#digits(index, field);
    if (number >= 0) return number;
    const value = this.text(index, field);
    if (!/^\d{1,15}(\.\d{1,20})?(e-?\d{1,2})?$/.test(value))
      throw this.bad(`${field} is ${quoted(value)}, not a number, 0 or more`);
    return Number(value);
  }

  yesNo(index: number, field: string): boolean {
    const value = this.text(index, field);
    if (value !== 'Y' && value !== 'N') throw this.bad(`${field} is ${quoted(value)}, not Y or N`);
    return value === 'Y';
  }

  choice<T extends string>(index: number, field: string, known: readonly T[]): T {
    const value = this.text(index, field);
    if (!(known as readonly string[]).includes(value))
      throw this.bad(`${field} is ${quoted(value)}, not one of ${known.join(', ')}`);
    return value as T;
  }

  list(index: number, field: string): readonly string[] {
    return this.isEmpty(index, field) ? NONE : this.text(index, field).split(',');
  }

  /** The refusal of this line. */
  bad(why: string): Error {
    return err('invalid_cluster_file', { line: this.#number, why: `${this.name}: ${why}` });
  }
}

const ZERO = 48;

/** A whole number of at most 15 digits, exact as a double; -1: it is none. A file has a hundred thousand of them. */
function digits(text: string, from: number, to: number): number {
  if (from === to || to - from > 15) return -1;
  let number = 0;
  for (let i = from; i < to; i += 1) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

const NONE: readonly string[] = [];

/** Parts between separators; none of an empty text. */
export const listOf = (text: string, separator: string): string[] =>
  text === '' ? [] : text.split(separator);

export const quoted = (text: string): string => JSON.stringify(text.slice(0, 64));
