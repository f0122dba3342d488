/** Operations: looking at them, following them, cancelling them. */
import { err, type Operation, operationEnded, type PlacementDecision, type ProjectId } from '@gantry/model';
import { nowOf } from '../env.ts';
import { cancelled } from '../operations/cancel.ts';
import { logics } from '../operations/table.ts';
import { Draft } from '../store/batch.ts';
import { Bell } from '../store/bell.ts';
import type { Store } from '../store/store.ts';
import { type Asking, committed, type Handler, resolve, resourceReply, type ServerEvent } from './call.ts';
import { actorOf, sees } from './caller.ts';
import { getReply, refOf, textReply } from './list.ts';

export const listOperations: Handler<'listOperations'> = async (call) => {
  const { target, active } = call.query;
  const owner = target === undefined ? undefined : await targetId(call, target);
  const filter = {
    ...(owner ? { owner } : {}),
    ...(active === undefined
      ? {}
      : { states: active ? ['running', 'cleaning'] : ['succeeded', 'failed', 'cancelled'] }),
  };
  return textReply(call, 'operation', filter, 'newest');
};

/** Also of an instance that is gone: then it is found by the id. */
async function targetId(call: Parameters<typeof listOperations>[0], ref: string): Promise<string> {
  return resolve(call, 'instance', ref).then(
    (instance) => instance.id,
    () => ref,
  );
}

export const getOperation: Handler<'getOperation'> = (call) => getReply(call, 'operation');

export const getPlacement: Handler<'getPlacement'> = async (call) => {
  const ref = refOf(call);
  if (ref.startsWith('req_')) return { body: await refusalOf(call, ref) };
  const operation = await resolve(call, 'operation', refOf(call));
  const decision = await call.app.store.decision(operation.id);
  if (!decision) throw err('not_found', { kind: 'placement', name: `of operation ${operation.name}` });
  return { body: decision };
};

/** A request of a project that the caller does not see is not there for him. */
async function refusalOf({ app, caller }: Asking, ref: string): Promise<PlacementDecision> {
  const kept = await app.store.refusal(ref);
  const whose = kept?.project === undefined ? {} : { project: kept.project as ProjectId };
  if (!kept || !sees(caller, { kind: 'instance', id: ref, ...whose }))
    throw err('not_found', { kind: 'refused placement', name: `${ref} (kept for a day)` });
  return kept.decision;
}

export const getOperationLog: Handler<'getOperationLog'> = async (call) => {
  const operation = await resolve(call, 'operation', refOf(call));
  const lines = await call.app.store.log(operation.id);
  return { body: { lines: lines.map(({ number: _number, ...line }) => line) } };
};

/** Asking twice is asking once. */
export const cancelOperation: Handler<'cancelOperation'> = async (call) => {
  const operation = await resolve(call, 'operation', refOf(call));
  const { kind, number, cancelRequested } = operation.spec;
  const refuse = (state: string, permitted: string) =>
    err('wrong_state', { kind: 'operation', name: number, state, action: 'cancel', permitted });
  if (operationEnded(operation.status.state)) throw refuse(operation.status.state, 'It has ended.');
  if (cancelRequested) return { ...resourceReply(operation), status: 202 };
  const why = logics[kind].cannotCancel?.(operation);
  if (why) throw refuse(operation.status.state, `It cannot be cancelled: ${why}.`);
  const changed = cancelled(operation, { by: actorOf(call.caller), at: nowOf(call.app.env) });
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const about = { subject: operation, message: `cancel operation ${number}` };
  return { ...resourceReply(committed(await call.commit(draft, about), changed)), status: 202 };
};

export const watchOperation: Handler<'watchOperation'> = async (call) => {
  const operation = await resolve(call, 'operation', refOf(call));
  const after = Number(/^\d{1,15}$/.exec(call.lastEventId ?? '')?.[0] ?? 0);
  return { events: follow(call.app.store, operation, after, call.signal) };
};

/** The operation at each change and its log lines, until it has ended. Ids are numbers of log lines: resume after them. */
async function* follow(
  store: Store,
  first: Operation,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const concerns = ({ changes, logged }: Parameters<Parameters<Store['subscribe']>[0]>[0]) =>
    logged.includes(first.id) || changes.some(({ meta }) => meta.id === first.id);
  const bell = new Bell(store, signal, concerns);
  try {
    let told = '';
    let line = after;
    while (!signal.aborted) {
      bell.reset();
      const operation = await store.get('operation', first.id);
      if (!operation) return;
      for (const { number, ...text } of await store.log(first.id, line)) {
        line = number;
        yield { event: 'log', id: String(line), data: text };
      }
      if (operation.revision !== told) yield { event: 'operation', id: String(line), data: operation };
      told = operation.revision;
      if (operationEnded(operation.status.state)) return;
      await bell.rung();
    }
  } finally {
    bell.close();
  }
}
