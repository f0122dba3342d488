/**
 * Watching: every change once, in order, from a revision on. Resumable after any event by its revision.
 * An object that leaves the filter (or the watcher's permission) is told as a delete.
 */
import { err, type Revision } from '@gantry/model';
import type { Kind, Meta, Resource } from '../kinds.ts';
import { Bell } from './bell.ts';
import { formatRevision, parseRevision } from './revision.ts';
import type { Change, Store } from './store.ts';

export type WatchEvent =
  | { type: 'put'; revision: Revision; object: Resource }
  | { type: 'delete'; revision: Revision; kind: Kind; id: string; name: string }
  /** All up to here has been told: resume from it. */
  | { type: 'bookmark'; revision: Revision };

export type Match = (meta: Meta) => boolean;

const BATCH = 500;
/** So many changes that do not concern the watcher move its bookmark. */
const BOOKMARK_EVERY = 100;

/**
 * Changes after `from` (default: now) until the signal aborts. A bookmark follows when all present ones are told.
 * @throws GantryError `revision_compacted`
 */
export async function* watch(
  store: Store,
  from: Revision | undefined,
  match: Match,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  let cursor = startOf(store, from ?? (await store.revision()));
  const bell = new Bell(store, signal, ({ changes }) => changes.length > 0);
  try {
    let caughtUp = false;
    let skipped = 0;
    while (!signal.aborted) {
      bell.reset();
      const changes = await store.changesAfter(cursor, BATCH);
      for (const change of changes) {
        cursor = change.number;
        const event = toEvent(store, change, match);
        if (event) yield event;
        skipped = event ? 0 : skipped + 1;
        if (signal.aborted) return;
      }
      if (changes.length === BATCH) continue;
      if (!caughtUp || skipped >= BOOKMARK_EVERY) {
        caughtUp = true;
        skipped = 0;
        yield { type: 'bookmark', revision: formatRevision(store.incarnation, cursor) };
      }
      await bell.rung();
    }
  } finally {
    bell.close();
  }
}

function startOf(store: Store, from: Revision): number {
  const { incarnation, number } = parseRevision(from);
  if (incarnation !== store.incarnation) throw err('revision_compacted', { revision: from });
  return number;
}

function toEvent(store: Store, change: Change, match: Match): WatchEvent | undefined {
  const { number, op, meta, before, object } = change;
  const revision = formatRevision(store.incarnation, number);
  if (op === 'put' && match(meta)) return { type: 'put', revision, object };
  const { project: _project, node: _node, ...same } = meta;
  const concerned = op === 'delete' ? match(meta) : before !== undefined && match({ ...same, ...before });
  return concerned ? { type: 'delete', revision, kind: meta.kind, id: meta.id, name: meta.name } : undefined;
}
