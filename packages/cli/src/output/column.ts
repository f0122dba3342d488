/** Columns: what a list shows of each object, and what filters, sorting and fields may name. */
import { err, formatBytes, formatMs, nearest } from '@gantry/model';

export type Cell = string | number | boolean | undefined;

export interface Column<T> {
  name: string;
  value(row: T): Cell;
  /** All that it can be: a filter that asks for anything else is refused. */
  values?: readonly string[];
  /** What the number counts: it is shown with its unit and compared with values that carry one. */
  unit?: 'bytes' | 'MiB' | 'ms';
  /** Only with -o wide, or when named. */
  wide?: boolean;
}

/** A cell for people; what is not there is a dash. */
export function cellText<T>(column: Pick<Column<T>, 'unit'>, value: Cell): string {
  if (value === undefined || value === '') return '-';
  if (typeof value !== 'number') return String(value);
  if (column.unit === 'ms') return formatMs(value);
  if (column.unit === undefined) return String(value);
  return formatBytes(column.unit === 'MiB' ? value * 2 ** 20 : value);
}

/**
 * The columns of these names; a name with dots is a path into the object itself (`spec.vcpus`).
 * @throws GantryError `invalid_argument` with the nearest name
 */
export function columnsNamed<T>(all: readonly Column<T>[], names: readonly string[]): Column<T>[] {
  return names.map((name) => columnNamed(all, name));
}

export function columnNamed<T>(all: readonly Column<T>[], name: string): Column<T> {
  const column = all.find((one) => one.name === name);
  if (column) return column;
  if (/^[a-zA-Z]\w*(\.[\w:/-]+)+$/.test(name)) return { name, value: (row) => atPath(row, name.split('.')) };
  const known = all.map((one) => one.name);
  const close = nearest(name, known);
  throw err('invalid_argument', {
    what: `field ${JSON.stringify(name.slice(0, 64))}`,
    wanted: `one of ${known.join(', ')}, or a path such as spec.labels${close ? ` (did you mean ${close}?)` : ''}`,
  });
}

function atPath(value: unknown, path: readonly string[]): Cell {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  if (here === null || here === undefined) return undefined;
  return typeof here === 'object' ? JSON.stringify(here) : (here as Cell);
}

/**
 * A value that nothing can have is a mistake, not an empty list. What a row has counts too: a newer cluster may know more.
 * @throws GantryError `invalid_argument` with the nearest one
 */
export function requireValue<T>(column: Column<T>, value: string, rows: readonly T[]): void {
  const { name, values } = column;
  if (values === undefined || value === '' || values.includes(value)) return;
  if (rows.some((row) => column.value(row) === value)) return;
  const close = nearest(value, values) ?? values.find((one) => one.toLowerCase() === value.toLowerCase());
  const known = values.map((one) => (/[ ,]/.test(one) ? JSON.stringify(one) : one)).join(', ');
  throw err('invalid_argument', {
    what: `${name} ${JSON.stringify(value.slice(0, 64))}`,
    wanted: `one of ${known}${close ? ` (did you mean ${close}?)` : ''}`,
  });
}
