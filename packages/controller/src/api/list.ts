/** Lists and single objects, alike for every noun. */
import { err, type Query } from '@gantry/model';
import { type Kind, metaOf } from '../kinds.ts';
import type { Filter, Page } from '../store/store.ts';
import { type Asking, type Call, JsonReply, type Reply, resolve, resourceReply } from './call.ts';
import { sees } from './caller.ts';
import { projectFilter } from './project-filter.ts';

const DEFAULT_LIMIT = 200;

export async function listReply<K extends Kind>(
  call: Listing,
  kind: K,
  filter: Filter = {},
  order: 'name' | 'newest' = 'name',
): Promise<Reply> {
  const listed = await call.app.store.list(kind, ...wantedOf(call, kind, filter, order));
  return { body: { ...listed, items: listed.items.filter((object) => sees(call.caller, metaOf(object))) } };
}

/** The same for kinds of which there are many: what is stored is passed on without being read. */
export async function textReply(
  call: Listing,
  kind: Kind,
  filter: Filter = {},
  order: 'name' | 'newest' = 'name',
): Promise<Reply> {
  const { items, ...listed } = await call.app.store.listTexts(kind, ...wantedOf(call, kind, filter, order));
  const seen = items.flatMap(({ meta, json }) => (sees(call.caller, meta) ? [json] : []));
  return new JsonReply(`{"items":[${seen.join(',')}],${JSON.stringify(listed).slice(1)}`);
}

type Listing = Asking & { query: Query<'listInstances'> };

function wantedOf(
  { caller, query }: Listing,
  kind: Kind,
  filter: Filter,
  order: 'name' | 'newest',
): [Filter, Page] {
  const page: Page = {
    limit: query.limit ?? DEFAULT_LIMIT,
    order,
    ...(query.cursor ? { cursor: query.cursor } : {}),
  };
  const labels = query.labels === undefined ? {} : { labels: parseLabels(query.labels) };
  return [{ ...projectFilter(caller, kind), ...labels, ...filter }, page];
}

function parseLabels(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair): [string, string] => {
    const at = pair.indexOf('=');
    if (at <= 0)
      throw err('invalid_argument', { what: `labels=${text.slice(0, 64)}`, wanted: 'key=value[,key=value]' });
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

export async function getReply<K extends Kind>(call: Asking & Pick<Call, 'params'>, kind: K): Promise<Reply> {
  return resourceReply(await resolve(call, kind, refOf(call)));
}

/** The `:ref` of the path. */
export const refOf = ({ params }: Pick<Call, 'params'>): string => params['ref'] ?? '';
