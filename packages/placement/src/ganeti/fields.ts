/** Fields of a line, read with a refusal that names line and field. */
import { err } from '@gantry/model';
import type { Scan } from './scan.ts';

/** No file of a real cluster has more; a guard against what is no cluster file at all. */
export const MAX_LINE = 1 << 20;

export class Line {
  readonly #scan: Scan;
  readonly #what: string;
  #line = 0;
  /** Index of its first field among all of the file. */
  #first = 0;
  /** Number of fields. */
  length = 0;

  /** @param what `node`, `instance`: for refusals */
  constructor(scan: Scan, what: string) {
    this.#scan = scan;
    this.#what = what;
  }

  /** Reads that line, counted from 0. One reader serves a whole section, as a file has ten thousand lines. */
  at(line: number): this {
    this.#line = line;
    this.#first = line === 0 ? 0 : (this.#scan.lines[line - 1] as number);
    this.length = (this.#scan.lines[line] as number) - this.#first;
    return this;
  }

  /** All of it. */
  get whole(): string {
    return this.#scan.text(this.#start(0), this.#end(this.length - 1, ''));
  }

  /** How messages call it. */
  get name(): string {
    return `${this.#what} ${this.text(0, 'name')}`;
  }

  /** @throws GantryError `invalid_cluster_file` where it is missing */
  text(index: number, field: string): string {
    const end = this.#end(index, field);
    return this.#scan.text(this.#start(index), end);
  }

  isEmpty(index: number, field: string): boolean {
    return this.#start(index) === this.#end(index, field);
  }

  #start(index: number): number {
    const field = this.#first + index;
    return field === 0 ? 0 : (this.#scan.ends[field - 1] as number) + 1;
  }

  #end(index: number, field: string): number {
    if (index >= this.length) throw this.#missing(field);
    return this.#scan.ends[this.#first + index] as number;
  }

  /** -1: it is no whole number. */
  #digits(index: number, field: string): number {
    if (index >= this.length) throw this.#missing(field);
    const number = this.#scan.numbers[this.#first + index] as number;
    return number >= 0 ? number : largeNumber(this.text(index, field));
  }

  #missing(field: string): Error {
    return this.bad(`${field} is missing: the line ends after ${this.length} fields`);
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
    if (!/^-\d{1,15}$/.test(value)) throw this.bad(`${field} is ${quoted(value)}, not a whole number`);
    return Number(value);
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

  /** @param known see `choices` */
  choice<T extends string>(index: number, field: string, known: ReadonlyMap<string, T>): T {
    const value = this.text(index, field);
    const choice = known.get(value);
    if (choice === undefined)
      throw this.bad(`${field} is ${quoted(value)}, not one of ${[...known.keys()].join(', ')}`);
    return choice;
  }

  /** Texts between commas. @param known lists by their text, to be shared */
  list(index: number, field: string, known?: Map<string, readonly string[]>): readonly string[] {
    if (this.isEmpty(index, field)) return NONE;
    const text = this.text(index, field);
    const list = known?.get(text) ?? text.split(',');
    known?.set(text, list);
    return list;
  }

  /** The name of what the line describes, which no line before has. */
  unseen(seen: Set<string>): string {
    const name = this.nonEmpty(0, 'name');
    if (seen.has(name)) throw this.bad(`there is another ${this.#what} of this name`);
    seen.add(name);
    return name;
  }

  /** The refusal of this line. */
  bad(why: string): Error {
    return err('invalid_cluster_file', { line: this.#line + 1, why: `${this.name}: ${why}` });
  }
}

/** More digits than the scan reads, as long as a double is exact; -1: it is no whole number. */
const largeNumber = (text: string): number => (/^\d{1,15}$/.test(text) ? Number(text) : -1);

/** What a field may be. A map, as a list would be searched for each of ten thousand lines. */
export const choices = <T extends string>(known: readonly T[]): ReadonlyMap<string, T> =>
  new Map(known.map((value) => [value, value]));

const NONE: readonly string[] = [];

/** Parts between separators; none of an empty text. */
export const listOf = (text: string, separator: string): string[] =>
  text === '' ? [] : text.split(separator);

export const quoted = (text: string): string => JSON.stringify(text.slice(0, 64));
