/**
 * Every request takes this way, over HTTP and in process alike: who is it, may he, is it well-formed, was it answered
 * before, the handler (again if it lost a race), the audit event.
 */
import { createHash } from 'node:crypto';
import { err, isGantryError, type RouteName, routes, toProblem, validate } from '@gantry/model';
import { nowOf } from '../env.ts';
import type { Resource } from '../kinds.ts';
import { Draft, type NewEvent } from '../store/batch.ts';
import { Conflict, retrying } from '../store/conflict.ts';
import type { Committed } from '../store/store.ts';
import { type About, type App, type Call, type Handler, type Reply, resourceReply } from './call.ts';
import { authenticate, type Caller } from './caller.ts';
import { coerceQuery } from './coerce.ts';
import { handlers } from './handlers.ts';

export interface Request {
  route: RouteName;
  /** Bearer secret. */
  token?: string | undefined;
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  bytes?: AsyncIterable<Uint8Array>;
  idempotencyKey?: string | undefined;
  ifMatch?: string | undefined;
  lastEventId?: string | undefined;
  requestId?: string;
  signal?: AbortSignal;
}

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

const anonymous = { token: undefined, role: 'viewer' } as unknown as Caller;

async function identify(app: App, { route, token }: Request): Promise<Caller> {
  return routes[route].roles.length === 0 ? anonymous : authenticate(app.store, app.env, token);
}

async function answer(app: App, request: Request, requestId: string, caller: Caller): Promise<Reply> {
  const { route } = request;
  const { roles, summary } = routes[route];
  if (roles.length > 0 && !(roles as readonly string[]).includes(caller.role)) {
    const why = `it needs the role ${roles.join(' or ')}, the token has ${caller.role}`;
    throw err('forbidden', { action: summary, why });
  }
  const { query: querySchema, body: bodySchema } = routes[route] as { query?: never; body?: never };
  const query = querySchema ? validate(querySchema, coerceQuery(querySchema, request.query ?? {})) : {};
  const body = bodySchema ? validate(bodySchema, request.body ?? {}) : undefined;
  const planOnly = (query as { plan?: boolean }).plan === true;
  const replay = planOnly ? undefined : idempotency(app, caller, request, { query, body });
  const answered = await replay?.answered();
  if (answered) return answered;
  const call = {
    app,
    route,
    caller,
    params: request.params ?? {},
    query,
    body,
    requestId,
    signal: request.signal ?? new AbortController().signal,
    ...(request.bytes ? { bytes: request.bytes } : {}),
    ...(request.ifMatch ? { ifMatch: request.ifMatch } : {}),
    ...(request.lastEventId ? { lastEventId: request.lastEventId } : {}),
    commit: (draft: Draft, about: About) => commit(app, draft, about, { route, caller, requestId, replay }),
  } as unknown as Call<never>;
  const handler = handlers[route] as Handler<never>;
  // a stream of bytes can be read only once; its handler retries what comes after it
  if (routes[route].method === 'GET' || request.bytes) return handler(call);
  const run = () => retryingUnlessAnswered(() => handler(call), replay);
  return caller.role === 'agent' ? run() : app.turns.take(run);
}

/** A repetition that races with its original loses on the idempotency record, and is answered by it. */
async function retryingUnlessAnswered(run: () => Promise<Reply>, replay: Replay | undefined): Promise<Reply> {
  return retrying(async () => (await replay?.answered()) ?? (await run()));
}

interface Replay {
  answered(): Promise<Reply | undefined>;
  record(made: NonNullable<About['made']>): NonNullable<Draft['batch']['idempotency']>;
}

function idempotency(app: App, caller: Caller, request: Request, input: object): Replay | undefined {
  const { idempotencyKey: key, route, params } = request;
  const repeatable = routes[route].method === 'POST' || routes[route].method === 'DELETE';
  if (key === undefined || !repeatable || caller.role === 'agent') return undefined;
  if (!/^[\x21-\x7e]{1,128}$/.test(key))
    throw err('invalid_argument', { what: 'the Idempotency-Key', wanted: '1 to 128 printable characters' });
  const digest = createHash('sha256')
    .update(JSON.stringify([route, params, input]))
    .digest('hex');
  const token = caller.token.id;
  return {
    record: (made) => ({ token, key, digest, atMs: app.env.clock.now(), made }),
    async answered() {
      const record = await app.store.idempotent(token, key);
      if (!record) return undefined;
      if (record.digest !== digest) throw err('idempotency_mismatch');
      const { kind, id } = record.made;
      const object = await app.store.get(kind, id);
      if (!object) throw err('not_found', { kind, name: id });
      return resourceReply(object, routes[route].status);
    },
  };
}

interface Asked {
  route: RouteName;
  caller: Caller;
  requestId: string;
  replay: Replay | undefined;
}

async function commit(app: App, draft: Draft, about: About, asked: Asked): Promise<Committed> {
  const { subject, message, made } = about;
  draft.batch.events.push({ ...auditEvent(app, asked, 'info', message), ...subjectOf(subject) });
  if (made && asked.replay) draft.batch.idempotency = asked.replay.record(made);
  return app.store.commit(draft.batch);
}

const subjectOf = ({ kind, id, name, project }: Resource): Pick<NewEvent, 'subject' | 'project'> => ({
  subject: { kind, id, name },
  ...(project ? { project } : {}),
});

const auditEvent = (
  app: App,
  { route, caller, requestId }: Pick<Asked, 'route' | 'caller' | 'requestId'>,
  level: NewEvent['level'],
  message: string,
): NewEvent => ({
  at: nowOf(app.env),
  type: `api.${route.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  level,
  actor: caller.token.name,
  message,
  requestId,
});

/** Refused writes are remembered too. What an agent writes is not audited, what it may not write is. */
async function auditRefusal(
  app: App,
  { route }: Request,
  requestId: string,
  caller: Caller | undefined,
  error: unknown,
): Promise<void> {
  if (!caller) return app.denials.note(route, requestId);
  const problem = toProblem(error);
  if (problem.code === 'internal')
    app.env.log('error', 'a request failed', { route, requestId, error: (error as Error)?.stack });
  const denied = isGantryError(error, 'forbidden');
  if (routes[route].method === 'GET' ? !denied : caller.role === 'agent' && !denied) return;
  const draft = new Draft(app.env.clock.now());
  const event = auditEvent(
    app,
    { route, caller, requestId },
    'warn',
    `refused: ${problem.title}`.slice(0, 2048),
  );
  draft.batch.events.push({ ...event, ...(caller.project ? { project: caller.project } : {}) });
  await app.store.commit(draft.batch);
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
