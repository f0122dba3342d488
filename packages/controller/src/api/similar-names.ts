/** What may have been meant by a name that names nothing: of what the caller sees, so that nothing is told by a refusal. */
import { similar } from '@gantry/model';
import type { Kind } from '../kinds.ts';
import type { Store } from '../store/store.ts';
import { type Caller, sees } from './caller.ts';
import { projectFilter } from './project-filter.ts';

/** Of a larger cluster the rest is not read for the sake of a hint. */
const LOOKED_AT = 1000;

const named: readonly Kind[] = [
  ...(['instance', 'disk', 'node', 'group', 'network', 'image', 'flavor'] as const),
  ...(['project', 'user', 'token'] as const),
];

/** `similar: 'web1, web2'` for the refusal, where there is one. */
export async function similarNames(
  store: Store,
  caller: Caller,
  kind: Kind,
  ref: string,
): Promise<{ similar?: string }> {
  if (!named.includes(kind) || caller.role === 'agent' || caller.role === 'join') return {};
  const { items } = await store.listTexts(kind, projectFilter(caller, kind), { limit: LOOKED_AT });
  const names = items.flatMap(({ meta }) => (sees(caller, meta) ? [meta.name] : []));
  const found = similar(ref, [...new Set(names)]);
  return found.length === 0 ? {} : { similar: found.join(', ') };
}
