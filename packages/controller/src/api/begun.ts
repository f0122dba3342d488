/** What all requests have in common that begin an operation: may it be, what would it do, and the answer. */
import {
  type Disk,
  type Instance,
  type InstanceAction,
  type Operation,
  requirePermitted,
} from '@gantry/model';
import type { Resource } from '../kinds.ts';
import type { BegunAction } from '../operations/begin-actions.ts';
import { requireIdle } from '../operations/new-operation.ts';
import type { Draft } from '../store/batch.ts';
import { type Call, committed, type Reply, requireMatch, resolve, resourceReply } from './call.ts';
import { refOf } from './list.ts';

/** The instance that the request names. @throws GantryError where nothing may be done with it, or not that */
export async function changeable(
  call: Pick<Call, 'app' | 'caller' | 'params' | 'ifMatch'>,
  action: InstanceAction,
): Promise<Instance> {
  const instance = await resolve(call, 'instance', refOf(call));
  requireMatch(call, instance);
  await requireIdle(call.app.store, instance);
  requirePermitted(action, instance);
  return instance;
}

/** The operation, or with `plan` what it would do. */
export async function accepted(
  call: Pick<Call, 'app' | 'commit'> & { query: { plan?: boolean } },
  { draft, operation, plan }: BegunAction,
  subject: Instance | Disk,
  verb: string,
): Promise<Reply> {
  if (call.query.plan) return planned(call, draft, { plan });
  return begun(call, { draft, operation }, subject, `${verb} ${subject.kind} ${subject.name}`);
}

/** What would be done, if it could be written now. @throws GantryError `quota_exceeded` */
export async function planned<T>(
  call: Pick<Call, 'app'>,
  draft: Draft,
  body: T,
): Promise<{ status: 200; body: T }> {
  await call.app.store.rehearse(draft.batch);
  return { status: 200, body };
}

/** Commits it. @param what stands in the audit */
export async function begun(
  call: Pick<Call, 'commit'>,
  { draft, operation }: { draft: Draft; operation: Operation },
  subject: Resource,
  what: string,
): Promise<Reply> {
  const message = `${what} (operation ${operation.spec.number})`;
  const made = { kind: 'operation' as const, id: operation.id };
  const written = await call.commit(draft, { subject, message, made });
  return { ...resourceReply(committed(written, operation)), status: 202 };
}
