/** Fields of a line, read with a refusal that names line and field. */
import { err } from '@gantry/model';

/** No file of a real cluster has more; a guard against what is no cluster file at all. */
export const MAX_LINE = 1 << 20;

export class Line {
  readonly number: number;
  readonly fields: readonly string[];
  readonly #what: string;

  /** @param what `node`, `instance`: for refusals */
  constructor(what: string, number: number, text: string) {
    this.#what = what;
    this.number = number;
    this.fields = text.split('|');
  }

  /** How messages call it. */
  get name(): string {
    return `${this.#what} ${this.fields[0] ?? ''}`;
  }

  /** @throws GantryError `invalid_cluster_file` where it is missing */
  text(index: number, field: string): string {
    const value = this.fields[index];
    if (value === undefined)
      throw this.bad(`${field} is missing: the line ends after ${this.fields.length} fields`);
    return value;
  }

  /** Not empty. */
  nonEmpty(index: number, field: string): string {
    const value = this.text(index, field);
    if (value === '') throw this.bad(`${field} is empty`);
    return value;
  }

  /** A whole number; may be negative, as free figures of overfull nodes are. */
  int(index: number, field: string): number {
    const value = this.text(index, field);
    const negative = value.startsWith('-');
    const number = digits(negative ? value.slice(1) : value);
    if (number < 0) throw this.bad(`${field} is ${quoted(value)}, not a whole number`);
    return negative ? -number : number;
  }

  /** A whole number, not negative. */
  count(index: number, field: string): number {
    const value = this.text(index, field);
    const number = digits(value);
    if (number < 0) throw this.bad(`${field} is ${quoted(value)}, not a whole number, 0 or more`);
    return number;
  }

  /** A number, not negative; also as `1.5` and `1.0e-2`. */
  real(index: number, field: string): number {
    const value = this.text(index, field);
    const number = digits(value);
    if (number >= 0) return number;
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

  list(index: number, field: string): string[] {
    return listOf(this.text(index, field), ',');
  }

  /** The refusal of this line. */
  bad(why: string): Error {
    return err('invalid_cluster_file', { line: this.number, why: `${this.name}: ${why}` });
  }
}

const ZERO = 48;

/** A whole number of at most 15 digits, exact as a double; -1: it is none. A file has a hundred thousand of them. */
function digits(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let number = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** Parts between separators; none of an empty text. */
export const listOf = (text: string, separator: string): string[] =>
  text === '' ? [] : text.split(separator);

export const quoted = (text: string): string => JSON.stringify(text.slice(0, 64));
