import { err, heldIn, isUuid, type Revision, type Static, type WatchQuery } from '@gantry/model';
import type { Meta } from '../kinds.ts';
import { parseRevision } from '../store/revision.ts';
import type { EventFilter } from '../store/store.ts';
import { type WatchEvent, watch as watchStore } from '../store/watch.ts';
import { type Asking, type Handler, resolve, type ServerEvent } from './call.ts';
import { type Caller, sees } from './caller.ts';

const DEFAULT_LIMIT = 100;

/** Newest first. Who is no administrator reads those of his project. */
export const listEvents: Handler<'listEvents'> = async (call) => {
  const { app, caller, query } = call;
  const { subject, type, cursor, limit = DEFAULT_LIMIT } = query;
  const filter = {
    ...(subject ? { subject: await subjectId(call, subject) } : {}),
    ...(type ? { type } : {}),
    ...projectsOf(caller),
  };
  const found = await app.store.events(filter, limit, numberOf(cursor));
  // who asked from where is told by the audit alone
  const items = found.map(({ audit: _, ...event }) => event);
  const last = items.at(-1);
  return { body: { items, ...(items.length === limit && last ? { next: String(last.number) } : {}) } };
};

/** What users asked for. Whoever administers a project reads what was asked for in it. */
export const listAudit: Handler<'listAudit'> = async (call) => {
  const { app, caller, query } = call;
  const { user, subject, since, until, refused, cursor, limit = DEFAULT_LIMIT } = query;
  const filter = {
    audit: user ?? (true as const),
    ...(subject ? { subject: await subjectId(call, subject) } : {}),
    ...(since ? { sinceMs: Date.parse(since) } : {}),
    ...(until ? { untilMs: Date.parse(until) } : {}),
    ...(refused === undefined ? {} : { refused }),
    ...administered(caller),
  };
  const items = await app.store.events(filter, limit, numberOf(cursor));
  const last = items.at(-1);
  return { body: { items, ...(items.length === limit && last ? { next: String(last.number) } : {}) } };
};

function administered({ role, rights, onlyProject, needs }: Caller): EventFilter {
  const own = onlyProject ? [onlyProject] : [...rights.projects.keys()];
  if (role === 'admin') return onlyProject ? { projects: own } : {};
  return { projects: own.filter((id) => heldIn(rights, id, needs)) };
}

/** @throws GantryError `invalid_argument` */
function numberOf(cursor: string | undefined): number | undefined {
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor))
    throw err('invalid_argument', { what: 'the cursor', wanted: 'one that a list has given' });
  return cursor === undefined ? undefined : Number(cursor);
}

const projectsOf = ({ role, rights, onlyProject }: Caller): EventFilter => {
  if (onlyProject) return { projects: [onlyProject] };
  if (role === 'admin') return {};
  return role ? { ofProjects: true } : { projects: [...rights.projects.keys()] };
};

/** An instance or a node by name; of what is gone only the id is known. */
async function subjectId(call: Asking, ref: string): Promise<string> {
  for (const kind of ['instance', 'node'] as const) {
    const found = isUuid(ref) ? undefined : await resolve(call, kind, ref).catch(() => undefined);
    if (found) return found.id;
  }
  return ref;
}

/** Event ids are revisions: a client resumes with Last-Event-ID, or lists again after `revision_compacted`. */
export const watch: Handler<'watch'> = async (call) => {
  const { app, caller, query, signal, lastEventId } = call;
  const project =
    query.project === undefined ? undefined : (await resolve(call, 'project', query.project)).id;
  const wanted = matching(query, project);
  const from = lastEventId ?? query.from;
  if (from) requireSameRights(caller, from);
  const changes = watchStore(
    app.store,
    from,
    (meta) => !signal.aborted && wanted(meta) && sees(caller, meta),
    signal,
  );
  // the first step reads the log, so that a compacted revision is refused with its status and not inside the stream
  const first = await changes.next();
  return { events: tell(first, changes) };
};

/**
 * Who resumes must have seen all the time what he sees now: what he no longer sees would never be told as deleted.
 * @throws GantryError `rights_changed`
 */
function requireSameRights({ user }: Caller, from: Revision): void {
  if (!user || user.generation === 1) return;
  const [then, changed] = [parseRevision(from), parseRevision(user.revision)];
  if (changed.incarnation === then.incarnation && changed.number > then.number)
    throw err('rights_changed', { revision: from });
}

function matching(query: Static<typeof WatchQuery>, project: string | undefined): (meta: Meta) => boolean {
  const kinds = query.kinds?.split(',');
  return ({ kind, name, project: theirs }) =>
    (kinds === undefined || kinds.includes(kind)) &&
    (query.name === undefined || query.name === name) &&
    (project === undefined || project === theirs);
}

async function* tell(
  first: IteratorResult<WatchEvent>,
  rest: AsyncGenerator<WatchEvent>,
): AsyncGenerator<ServerEvent> {
  if (first.done) return;
  yield toServerEvent(first.value);
  for await (const event of rest) yield toServerEvent(event);
}

function toServerEvent(event: WatchEvent): ServerEvent {
  if (event.type === 'put') return { event: 'put', id: event.revision, data: event.object };
  const { type, revision, ...data } = event;
  return { event: type, id: revision, data: type === 'bookmark' ? { revision } : data };
}
