/** Who asked for what, and what came of it: an event with every change, and one for every refusal. */
import {
  type Audit,
  isGantryError,
  type NodeId,
  type RouteName,
  routes,
  type TokenId,
  toProblem,
  type UserId,
} from '@gantry/model';
import { nowOf } from '../env.ts';
import type { Resource } from '../kinds.ts';
import { NoPlace } from '../placement/no-place.ts';
import { Draft, type NewEvent } from '../store/batch.ts';
import type { Committed } from '../store/store.ts';
import type { About, App, Request } from './call.ts';
import { actorOf, type Caller } from './caller.ts';
import type { Replay } from './idempotency.ts';

interface Asked {
  route: RouteName;
  caller: Caller;
  requestId: string;
  /** Address of the machine that asks, or `unix socket`. */
  from: string | undefined;
  replay: Replay | undefined;
}

/** Commits a handler's draft together with its event and its idempotency record. */
export async function commit(app: App, draft: Draft, about: About, asked: Asked): Promise<Committed> {
  const { subject, message, made } = about;
  const operation = operationOf(draft, made);
  const result = operation ? ({ result: 'accepted', operation } as const) : ({ result: 'done' } as const);
  draft.batch.events.push({ ...auditEvent(app, asked, 'info', message, result), ...subjectOf(subject) });
  const record = asked.replay?.record(about);
  if (record) draft.batch.idempotency = record;
  return app.store.commit(draft.batch);
}

function operationOf({ batch }: Draft, made: About['made']): number | undefined {
  const object = made && batch.puts.find((put) => put.object.id === made.id)?.object;
  return object?.kind === 'operation' ? object.spec.number : undefined;
}

const subjectOf = ({ kind, id, name, project }: Resource): Pick<NewEvent, 'subject' | 'project'> => ({
  subject: { kind, id, name },
  ...(project ? { project } : {}),
});

const auditEvent = (
  app: App,
  { route, caller, requestId, from }: Omit<Asked, 'replay'>,
  level: NewEvent['level'],
  message: string,
  result: Pick<Audit, 'result' | 'operation'>,
): NewEvent => ({
  at: nowOf(app.env),
  type: `api.${route.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  level,
  actor: actorOf(caller),
  message,
  requestId,
  audit: {
    route,
    ...(caller.user ? { user: caller.user.id as UserId } : {}),
    token: { id: caller.token.id as TokenId, name: caller.token.name },
    ...(caller.node ? { node: caller.node as NodeId } : {}),
    ...(from ? { from } : {}),
    ...result,
  },
});

/** Refused writes are remembered too. What an agent writes is not audited, what it may not write is. */
export async function auditRefusal(
  app: App,
  { route, from }: Request,
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
  const whose = caller.project ? { project: caller.project } : {};
  const more = app.denials.admit(caller.token.id);
  if (more !== undefined) {
    const also = more > 0 ? `; ${more} more refusals of this token are not listed` : '';
    const message = `refused: ${problem.title.replaceAll('\n', ': ').slice(0, 1900)}${also}`;
    const asked = { route, caller, requestId, from };
    draft.batch.events.push({
      ...auditEvent(app, asked, 'warn', message, { result: problem.code }),
      ...whose,
    });
  }
  if (error instanceof NoPlace)
    draft.batch.refusal = { request: requestId, ...whose, decision: error.decision };
  if (more !== undefined || draft.batch.refusal) await app.store.commit(draft.batch);
}
