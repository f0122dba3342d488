/** Lists of the API come in pages; these are all of them. */

import type { Client, Input } from '@gantry/client';
import type { Query, Response, RouteName } from '@gantry/model';

type Paged = {
  [N in RouteName]: Response<N> extends { items: unknown[]; next?: string } ? N : never;
}[RouteName];
type ItemOf<N extends Paged> = Response<N> extends { items: (infer T)[] } ? T : never;

const PAGE = 1000;

/** Every item, or the first `limit`. */
export async function everyItem<N extends Paged>(
  client: Client,
  route: N,
  query: Partial<NonNullable<Query<N>>> = {},
  limit = Number.POSITIVE_INFINITY,
): Promise<ItemOf<N>[]> {
  const items: ItemOf<N>[] = [];
  let cursor: string | undefined;
  do {
    const page = { ...query, limit: Math.min(PAGE, limit - items.length), ...(cursor ? { cursor } : {}) };
    const answer = (await client.call(route, { query: page } as unknown as Input<N>)) as {
      items: ItemOf<N>[];
      next?: string;
    };
    items.push(...answer.items);
    cursor = answer.next;
  } while (cursor !== undefined && items.length < limit);
  return items;
}

/** Names by id, for showing what an object refers to. */
export async function namesById(
  client: Client,
  route:
    | 'listNodes'
    | 'listFlavors'
    | 'listImages'
    | 'listNetworks'
    | 'listProjects'
    | 'listGroups'
    | 'listUsers',
): Promise<ReadonlyMap<string, string>> {
  const items = await everyItem(client, route);
  return new Map(items.map(({ id, name }) => [id, name]));
}
