/** Lists as SQL: filters, and pages by the key of the last item (never by offset, which skips when rows go). */
import { err } from '@gantry/model';
import type { Kind } from '../kinds.ts';
import type { Filter, Page, StoredText } from './store.ts';

type Value = string | number | null;

/** Reads one row more than the page, to know whether there is a next one. */
export function listSql(
  kind: Kind,
  filter: Filter,
  page: Page,
): { sql: string; values: Value[]; limit: number } {
  const limit = page.limit ?? Number.MAX_SAFE_INTEGER - 1;
  const where: string[] = [];
  const values: Value[] = [];
  const add = (condition: string, ...more: Value[]) => {
    where.push(condition);
    values.push(...more);
  };
  const [label, ...labels] = Object.entries(filter.labels ?? {});
  if (label) add('label.kind = ? and label.key = ? and label.value = ?', kind, ...label);
  else add('object.kind = ?', kind);
  for (const [key, value] of labels)
    add(
      'exists (select 1 from label as l where (l.kind, l.key, l.value, l.name, l.id) = (?, ?, ?, object.name, object.id))',
      kind,
      key,
      value,
    );
  if (filter.project !== undefined) add('project is ?', filter.project);
  if (filter.projects) add(`project in (${filter.projects.map(() => '?').join()})`, ...filter.projects);
  if (filter.node !== undefined) add('node = ?', filter.node);
  if (filter.owner !== undefined) add('owner = ?', filter.owner);
  if (filter.states) add(`state in (${filter.states.map(() => '?').join()})`, ...filter.states);
  const from = label ? labelled : `object${indexFor(filter, page)}`;
  const named = label ? 'label' : 'object';
  const byAge = page.order === 'newest' || page.order === 'oldest';
  if (page.cursor !== undefined) {
    const key = decodeCursor(page.cursor, byAge ? 1 : 2);
    if (byAge) add(page.order === 'newest' ? 'created < ?' : 'created > ?', key[0] ?? 0);
    else add(`(${named}.name, ${named}.id) > (?, ?)`, key[0] ?? '', key[1] ?? '');
  }
  const order = byAge ? `created ${page.order === 'newest' ? 'desc' : 'asc'}` : `${named}.name, ${named}.id`;
  const sql = `select body, created, object.name, object.id, project, owner, node from ${from} where ${where.join(' and ')} order by ${order} limit ?`;
  return { sql, values: [...values, limit + 1], limit };
}

/**
 * Left alone SQLite walks all objects of the kind in the order that is asked for, to find the few of an owner or a node.
 * Of a page by state that may be most of them, and it had better walk.
 */
function indexFor({ owner, node, states }: Filter, { limit }: Page): string {
  if (owner !== undefined) return ' indexed by object_owner';
  if (node !== undefined) return ' indexed by object_node';
  return states && limit === undefined ? ' indexed by object_state' : '';
}

/** The label's own index has the names in order; SQLite keeps the order of a cross join. */
const labelled = 'label cross join object on object.kind = label.kind and object.id = label.id';

export interface ListedRow {
  body: string;
  created: number;
  name: string;
  id: string;
  project: string | null;
  owner: string | null;
  node: string | null;
}

/** Rows of one page, and the cursor of the next one. */
export function pageOf(
  rows: readonly ListedRow[],
  limit: number,
  { order }: Page,
): { rows: readonly ListedRow[]; next?: string } {
  const last = rows[limit - 1];
  if (rows.length <= limit || !last) return { rows };
  const key = order === 'newest' || order === 'oldest' ? [last.created] : [last.name, last.id];
  return { rows: rows.slice(0, limit), next: Buffer.from(JSON.stringify(key)).toString('base64url') };
}

export const textOf = (
  kind: Kind,
  { body: json, name, id, project, owner, node }: ListedRow,
): StoredText => ({
  json,
  meta: {
    kind,
    id,
    name,
    ...(project === null ? {} : { project }),
    ...(owner === null ? {} : { owner }),
    ...(node === null ? {} : { node }),
  },
});

function decodeCursor(cursor: string, length: number): (string | number)[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (
      Array.isArray(key) &&
      key.length === length &&
      key.every((part) => /^(string|number)$/.test(typeof part))
    )
      return key;
  } catch {
    // not JSON: refused below
  }
  throw err('invalid_argument', { what: 'the cursor', wanted: 'one that a list has given' });
}
