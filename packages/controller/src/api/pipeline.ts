/**
 * Every request takes this way, over HTTP and in process alike: who is it, may he, is it well-formed, was it answered
 * before, the handler (again if it lost a race), the audit event.
 */
import {
  err,
  heldSomewhere,
  type RouteName,
  type RouteRole,
  rolesInWords,
  routes,
  validate,
} from '@gantry/model';
import type { Draft } from '../store/batch.ts';
import { Conflict, retrying } from '../store/conflict.ts';
import { auditRefusal, commit } from './audit.ts';
import { type About, type App, type Call, type Handler, type Reply, type Request, resolve } from './call.ts';
import { authenticate, type Caller } from './caller.ts';
import { coerceQuery } from './coerce.ts';
import { handlers } from './handlers.ts';
import { idempotency, type Replay } from './idempotency.ts';
import { guarded, type Permission, whilePermitted } from './revocation.ts';

/** @throws GantryError */
export async function dispatch(app: App, request: Request): Promise<Reply> {
  const requestId = request.requestId ?? `req_${app.env.uuid()}`;
  let caller: Caller | undefined;
  try {
    caller = await identify(app, request);
    return await answer(app, request, requestId, caller);
  } catch (error) {
    const known = error instanceof Conflict ? lostRace(error) : error;
    await auditRefusal(app, request, requestId, caller, known).catch((failure: unknown) => {
      app.env.log('error', 'the audit event could not be written', { error: String(failure) });
    });
    throw known;
  }
}

const anonymous = { role: 'viewer', rights: { projects: new Map() }, needs: [] } as unknown as Caller;

async function identify(app: App, { route, token, peer }: Request): Promise<Caller> {
  const needs: readonly RouteRole[] = routes[route].roles;
  if (needs.length === 0) return anonymous;
  return { ...(await authenticate(app.store, app.env, { secret: token, peer })), needs };
}

/**
 * In the cluster, or in a project; in which one is judged where the thing is known (`resolve`).
 * @throws GantryError `forbidden`
 */
function requireRole({ role, rights, needs }: Caller, summary: string): void {
  const may = role === 'agent' || role === 'join' ? needs.includes(role) : heldSomewhere(rights, needs);
  if (needs.length === 0 || may) return;
  const own = role ?? [...new Set(rights.projects.values())].map((word) => `${word} of a project`).join(', ');
  const why = `it needs the role ${rolesInWords(needs)}; the token has ${own || 'none'}`;
  throw err('forbidden', { action: `ask for this (${summary.split(';')[0]})`, why });
}

/** @throws GantryError `not_found` for a project that the caller does not see */
async function ofProject(app: App, caller: Caller, ref: string | undefined): Promise<Caller> {
  if (ref === undefined || caller === anonymous) return caller;
  const project = (await resolve({ app, caller }, 'project', ref)).id as NonNullable<Caller['project']>;
  return { ...caller, project, onlyProject: project };
}

async function answer(app: App, request: Request, requestId: string, identified: Caller): Promise<Reply> {
  const { route } = request;
  requireRole(identified, routes[route].summary);
  const caller = await ofProject(app, identified, request.project);
  const { query: querySchema, body: bodySchema } = routes[route] as { query?: never; body?: never };
  const query = querySchema ? validate(querySchema, coerceQuery(querySchema, request.query ?? {})) : {};
  const body = bodySchema ? validate(bodySchema, request.body ?? {}) : undefined;
  const planOnly = (query as { plan?: boolean }).plan === true;
  const replay = planOnly ? undefined : idempotency(app, caller, request, { query, body });
  const answered = await replay?.answered();
  if (answered) return answered;
  const given = request.signal ?? new AbortController().signal;
  const lasts = 'stream' in routes[route] && caller !== anonymous;
  const permitted = lasts ? whilePermitted(app, caller, given) : always(given);
  const call = {
    app,
    route,
    caller,
    params: request.params ?? {},
    query,
    body,
    requestId,
    signal: permitted.signal,
    ...(request.peer ? { peer: request.peer } : {}),
    ...(request.bytes ? { bytes: request.bytes } : {}),
    ...(request.ifMatch ? { ifMatch: request.ifMatch } : {}),
    ...(request.lastEventId ? { lastEventId: request.lastEventId } : {}),
    commit: (draft: Draft, about: About) =>
      commit(app, draft, about, { route, caller, requestId, from: request.from, replay }),
  } as unknown as Call<never>;
  const handler = handlers[route] as Handler<never>;
  // a stream of bytes can be read only once; its handler retries what comes after it
  if (routes[route].method === 'GET' || request.bytes) return lasting(handler(call), permitted);
  const run = () => retryingUnlessAnswered(() => handler(call), replay);
  return caller.role === 'agent' || asksNodes.has(route) ? run() : app.turns.take(run);
}

const always = (signal: AbortSignal): Permission => ({ signal, revoked: never, done: () => {} });
const never = new AbortController().signal;

/** They wait for a node, or for a guest’s agent: nobody else is to wait for that. */
const asksNodes: ReadonlySet<RouteName> = new Set([
  'setInstancePassword',
  'addInstanceKeys',
  'importInstance',
  'narrowCpuBaseline',
  'probeNode',
  'removeNode',
]);

/** What comes at once ends its watch over the token; what lasts keeps it. */
async function lasting(answered: Promise<Reply>, permitted: Permission): Promise<Reply> {
  try {
    const reply = await answered;
    if (!reply.events && !reply.bytes && !reply.socket) permitted.done();
    return guarded(reply, permitted);
  } catch (error) {
    permitted.done();
    throw error;
  }
}

/** A repetition that races with its original loses on the idempotency record, and is answered by it. */
async function retryingUnlessAnswered(run: () => Promise<Reply>, replay: Replay | undefined): Promise<Reply> {
  return retrying(async () => (await replay?.answered()) ?? (await run()));
}

/** Others won every time. */
function lostRace({ reason }: Conflict): Error {
  if (reason.what === 'claim') {
    const [, kind = 'object'] = reason.space.split(':');
    return err('name_taken', { kind, name: reason.value });
  }
  return err('conflict', {
    kind: reason.what === 'revision' ? reason.kind : reason.what,
    name: reason.what === 'revision' ? reason.id : '',
  });
}
