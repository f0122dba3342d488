/** Who asked for what, and what came of it: an event with every change, and one for every refusal. */
import { isGantryError, type RouteName, routes, toProblem } from '@gantry/model';
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
  replay: Replay | undefined;
}

/** Commits a handler's draft together with its event and its idempotency record. */
export async function commit(app: App, draft: Draft, about: About, asked: Asked): Promise<Committed> {
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
  actor: actorOf(caller),
  message,
  requestId,
});

/** Refused writes are remembered too. What an agent writes is not audited, what it may not write is. */
export async function auditRefusal(
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
    `refused: ${problem.title.replaceAll('\n', ': ')}`.slice(0, 2048),
  );
  const whose = caller.project ? { project: caller.project } : {};
  draft.batch.events.push({ ...event, ...whose });
  if (error instanceof NoPlace)
    draft.batch.refusal = { request: requestId, ...whose, decision: error.decision };
  await app.store.commit(draft.batch);
}
