/**
 * `--filter 'status=running and (node=n1 or memory>=1G)'`: comparisons, joined by and, or, not and parentheses.
 * Operators: = != < <= > >= ~ !~ (the last two: regular expression). A number with a unit is compared with a unit.
 */
import { err, parseBytes, parseDurationMs } from '@gantry/model';
import { type Cell, type Column, columnNamed, requireValue } from './column.ts';

export type Filter<T> = (row: T) => boolean;

const token = /\s*(?:(\(|\)|!=|!~|<=|>=|=|~|<|>)|"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s()=~<>!"']+))/y;
interface Word {
  text: string;
  kind: 'sign' | 'quoted' | 'word';
  at: number;
}

/**
 * @param rows what it will be asked of
 * @throws GantryError `invalid_argument`, naming the place
 */
export function parseFilter<T>(
  text: string,
  columns: readonly Column<T>[],
  rows: readonly T[] = [],
): Filter<T> {
  const parser = new Parser(wordsOf(text), text, columns, rows);
  return parser.all();
}

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  token.lastIndex = 0;
  while (text.slice(token.lastIndex).trim() !== '') {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw wrong(text, at, 'a field, a value or an operator');
    const [, sign, double, single, word] = match;
    if (sign !== undefined) words.push({ text: sign, kind: 'sign', at });
    else if (word !== undefined) words.push({ text: word, kind: 'word', at });
    else words.push({ text: (double?.replace(/\\(.)/g, '$1') ?? single) as string, kind: 'quoted', at });
  }
  return words;
}

class Parser<T> {
  readonly #words: Word[];
  readonly #text: string;
  readonly #columns: readonly Column<T>[];
  readonly #rows: readonly T[];
  #next = 0;

  constructor(words: Word[], text: string, columns: readonly Column<T>[], rows: readonly T[]) {
    this.#words = words;
    this.#text = text;
    this.#columns = columns;
    this.#rows = rows;
  }

  all(): Filter<T> {
    const filter = this.#either();
    if (this.#next < this.#words.length) throw this.#expected('and, or, or the end');
    return filter;
  }

  #either(): Filter<T> {
    let left = this.#both();
    while (this.#takes('or')) {
      const [a, b] = [left, this.#both()];
      left = (row) => a(row) || b(row);
    }
    return left;
  }

  #both(): Filter<T> {
    let left = this.#one();
    while (this.#takes('and')) {
      const [a, b] = [left, this.#one()];
      left = (row) => a(row) && b(row);
    }
    return left;
  }

  #one(): Filter<T> {
    if (this.#takes('not')) {
      const inner = this.#one();
      return (row) => !inner(row);
    }
    if (!this.#takes('(')) return this.#comparison();
    const inner = this.#either();
    if (!this.#takes(')')) throw this.#expected(')');
    return inner;
  }

  #comparison(): Filter<T> {
    const field = this.#word('a field');
    const sign = this.#words[this.#next];
    const compare = sign?.kind === 'sign' ? operators[sign.text] : undefined;
    if (!sign || !compare) throw this.#expected('one of = != < <= > >= ~ !~');
    this.#next += 1;
    const value = this.#word('a value');
    const column = columnNamed(this.#columns, field);
    if (sign.text === '=' || sign.text === '!=') requireValue(column, value, this.#rows);
    const test = compare(operandOf(column, value), value);
    return (row) => test(column.value(row));
  }

  #word(what: string): string {
    const word = this.#words[this.#next];
    if (!word || word.kind === 'sign') throw this.#expected(what);
    this.#next += 1;
    return word.text;
  }

  #takes(text: string): boolean {
    const word = this.#words[this.#next];
    const is = word !== undefined && word.kind !== 'quoted' && word.text.toLowerCase() === text;
    if (is) this.#next += 1;
    return is;
  }

  #expected(what: string) {
    return wrong(this.#text, this.#words[this.#next]?.at ?? this.#text.length, what);
  }
}

type Test = (cell: Cell) => boolean;
const ordered =
  (holds: (order: number) => boolean) =>
  (operand: Cell): Test =>
  (cell) =>
    cell !== undefined && holds(compareCells(cell, operand));
const matching = (text: string): RegExp => {
  try {
    return new RegExp(text);
  } catch {
    throw err('invalid_argument', { what: JSON.stringify(text), wanted: 'a regular expression' });
  }
};
const operators: Record<string, (operand: Cell, text: string) => Test> = {
  '=': (operand) => (cell) => compareCells(cell ?? '', operand) === 0,
  '!=': (operand) => (cell) => compareCells(cell ?? '', operand) !== 0,
  '<': ordered((order) => order < 0),
  '<=': ordered((order) => order <= 0),
  '>': ordered((order) => order > 0),
  '>=': ordered((order) => order >= 0),
  '~': (_, text) => {
    const pattern = matching(text);
    return (cell) => pattern.test(String(cell ?? ''));
  },
  '!~': (_, text) => {
    const pattern = matching(text);
    return (cell) => !pattern.test(String(cell ?? ''));
  },
};

/** Numbers by size, names with digits as people count (web2 before web10). */
export function compareCells(a: Cell, b: Cell): number {
  if (typeof a === 'number' && b !== '' && Number.isFinite(Number(b))) return a - Number(b);
  return String(a ?? '').localeCompare(String(b ?? ''), 'en', { numeric: true });
}

function operandOf<T>(column: Column<T>, value: string): Cell {
  if (column.unit === 'ms') return parseDurationMs(value);
  if (column.unit === 'bytes') return parseBytes(value);
  return column.unit === 'MiB' ? parseBytes(value) / 2 ** 20 : value;
}

const wrong = (text: string, at: number, wanted: string) =>
  err('invalid_argument', {
    what: `the filter ${JSON.stringify(text.slice(0, 200))} at ${JSON.stringify(text.slice(at, at + 20).trim() || 'its end')}`,
    wanted: `complete: ${wanted} is wanted there`,
  });
