/** How results are written: one place for all formats. */
import { type Io, isFancy, styleOf } from '../io.ts';
import { type Column, cellText, columnsNamed } from './column.ts';
import { csv } from './csv.ts';
import { compareCells, parseFilter } from './filter.ts';
import { type Printable, printable, printableJson, printableYaml } from './printable.ts';
import { table } from './table.ts';

export const outputFormats = ['table', 'wide', 'json', 'yaml', 'csv', 'name'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export interface ListWish {
  fields?: readonly string[] | undefined;
  filter?: string | undefined;
  /** Field, with a minus before it for the other direction. */
  sort?: string | undefined;
}

export class Output {
  readonly format: OutputFormat;
  readonly #io: Io;

  constructor(io: Io, format: OutputFormat) {
    this.#io = io;
    this.format = format;
  }

  /** Tables of names: nothing but people read them. */
  get forPeople(): boolean {
    return this.format === 'table' || this.format === 'wide';
  }

  /** Any text: what could steer a terminal is made visible. */
  line(text: string): void {
    this.#put(printable(text));
  }

  /** A value as JSON on one line. */
  json(value: unknown): void {
    this.#put(printableJson(value));
  }

  /** Objects as a list. @throws GantryError `invalid_argument` for fields and filters that do not fit */
  async list<T>(rows: readonly T[], columns: readonly Column<T>[], wish: ListWish = {}): Promise<void> {
    const text = await this.listText(rows, columns, wish);
    if (text !== '') this.#put(text);
  }

  async listText<T>(
    rows: readonly T[],
    columns: readonly Column<T>[],
    wish: ListWish = {},
  ): Promise<Printable> {
    const chosen = choose(rows, columns, wish);
    switch (this.format) {
      case 'json':
        return printableJson(chosen, 2);
      case 'yaml':
        return await printableYaml(chosen);
      case 'name':
        return printable(chosen.map((row) => nameOf(row, columns)).join('\n'));
      case 'csv':
      case 'table':
      case 'wide':
        return this.#grid(chosen, shown(columns, wish.fields, this.format !== 'table'));
    }
  }

  #grid<T>(rows: readonly T[], columns: readonly Column<T>[]): Printable {
    if (this.format === 'csv') {
      const cells = rows.map((row) => columns.map((column) => String(column.value(row) ?? '')));
      return csv([columns.map((column) => column.name), ...cells]);
    }
    const { stdout } = this.#io;
    const width = stdout.isTTY && stdout.columns ? { width: stdout.columns } : {};
    const cells = rows.map((row) => columns.map((column) => cellText(column, column.value(row))));
    const right = columns.map((column) => isNumeric(rows.map((row) => column.value(row))));
    const header = columns.map((column) => column.name.toUpperCase());
    return table(header, cells, { ...width, right, header: styleOf(this.#io, stdout).bold });
  }

  /** One object: the API's own as JSON or YAML, its name, or `text` for people. */
  async object<T>(value: T, name: string, text: () => string | Promise<string>): Promise<void> {
    if (this.format === 'json') this.#put(printableJson(value, 2));
    else if (this.format === 'yaml') this.#put(await printableYaml(value));
    else if (this.format === 'name') this.line(name);
    else this.line(await text());
  }

  /** The same for programs; people have been told by notices. */
  async result<T>(value: T, name: string): Promise<void> {
    if (this.format === 'json' || this.format === 'yaml' || this.format === 'name')
      await this.object(value, name, () => '');
  }

  /** What was done on this machine, where the API has no object for it: named as operations are, with what it was done to. */
  async done(done: string, facts: object, name: string): Promise<void> {
    await this.result({ done, ...facts }, name);
  }

  /** Draws over what was drawn before, where there is a terminal. */
  redraw(text: Printable): void {
    const clear = isFancy(this.#io, this.#io.stdout) ? '\u001b[H\u001b[2J' : '';
    this.#io.stdout.write(`${clear}${text}\n`);
  }

  #put(text: Printable): void {
    this.#io.stdout.write(`${text}\n`);
  }
}

const isNumeric = (values: readonly unknown[]): boolean =>
  values.some((value) => typeof value === 'number') &&
  values.every((value) => typeof value === 'number' || value === undefined);

function choose<T>(rows: readonly T[], columns: readonly Column<T>[], wish: ListWish): T[] {
  const kept = wish.filter === undefined ? [...rows] : rows.filter(parseFilter(wish.filter, columns, rows));
  if (wish.sort === undefined) return kept;
  const down = wish.sort.startsWith('-');
  const [column] = columnsNamed(columns, [down ? wish.sort.slice(1) : wish.sort]);
  const sign = down ? -1 : 1;
  return column ? kept.sort((a, b) => sign * compareCells(column.value(a), column.value(b))) : kept;
}

function shown<T>(
  columns: readonly Column<T>[],
  fields: readonly string[] | undefined,
  all: boolean,
): readonly Column<T>[] {
  if (fields && fields.length > 0) return columnsNamed(columns, fields);
  return columns.filter((column) => all || !column.wide);
}

const nameOf = <T>(row: T, columns: readonly Column<T>[]): string =>
  String((row as { name?: string }).name ?? columns[0]?.value(row) ?? '');
