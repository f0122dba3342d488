/**
 * A POST, PATCH or DELETE that carries an Idempotency-Key is done once; its repetitions are answered with what it made or
 * changed, as that is then, or with what it removed, as that was. A PUT says how something shall be, so it may be done again,
 * unless that is an operation, which would be in its own way; what passes through one (a password) leaves no trace here.
 */
import { createHash } from 'node:crypto';
import { err, type Instance, type InstanceChanged, matches, type RouteName, routes } from '@gantry/model';
import { metaOf, type Resource } from '../kinds.ts';
import type { IdempotencyRecord } from '../store/batch.ts';
import { type About, type App, type Reply, type Request, resourceReply } from './call.ts';
import { type Caller, sees } from './caller.ts';

export interface Replay {
  answered(): Promise<Reply | undefined>;
  /** Undefined where the answer could not be given again: it has a secret in it, or plans. */
  record(about: Pick<About, 'made' | 'subject' | 'removed' | 'beside'>): IdempotencyRecord | undefined;
}

const REPEATABLE: readonly string[] = ['POST', 'PATCH', 'DELETE'];

/** Undefined for requests that are not remembered. */
export function idempotency(app: App, caller: Caller, request: Request, input: object): Replay | undefined {
  const { idempotencyKey: key, route, params } = request;
  const { method, status } = routes[route];
  const once = REPEATABLE.includes(method) || status === 202;
  const repeatable = once && !('stream' in routes[route]);
  if (key === undefined || !repeatable || caller.role === 'agent' || caller.role === 'join') return undefined;
  if (!/^[\x21-\x7e]{1,128}$/.test(key))
    throw err('invalid_argument', { what: 'the Idempotency-Key', wanted: '1 to 128 printable characters' });
  const digest = createHash('sha256')
    .update(JSON.stringify([route, params, input, ...(caller.onlyProject ? [caller.onlyProject] : [])]))
    .digest('hex');
  const token = caller.token.id;
  return {
    record({ made, subject, removed, beside }) {
      const again = beside ?? answerWith(route, subject);
      const one = made ?? (again ? { kind: subject.kind, id: subject.id } : undefined);
      const more = { ...(removed ? { removed } : {}), ...(beside ? { beside } : {}) };
      return one && { token, key, digest, atMs: app.env.clock.now(), made: one, ...more };
    },
    async answered() {
      const record = await app.store.idempotent(token, key);
      if (!record) return undefined;
      if (record.digest !== digest) throw err('idempotency_mismatch');
      const { kind, id } = record.made;
      const object = (await app.store.get(kind, id)) ?? record.removed;
      const answer =
        record.beside && object?.kind === 'instance'
          ? await changedAgain(app, object, record.beside)
          : answerWith(route, object);
      // what he may do may be less by now
      const seen = object === undefined || sees(caller, metaOf(object));
      if (!answer || !seen) throw err('not_found', { kind, name: id });
      return answer;
    },
  };
}

/** The object, or nothing, as the route answers; undefined where it answers neither. */
function answerWith(route: RouteName, object: Resource | undefined): Reply | undefined {
  const { response, status } = routes[route];
  if (object && matches(response, object)) return resourceReply(object, status);
  return matches(response, {}) ? { status, body: {} } : undefined;
}

/** A change of an instance; its operation is told as long as it is remembered. */
async function changedAgain(
  { store }: App,
  instance: Instance,
  { changes, operation: id }: NonNullable<IdempotencyRecord['beside']>,
): Promise<Reply> {
  const operation = id === undefined ? undefined : await store.get('operation', id);
  const body: InstanceChanged = { instance, changes, ...(operation ? { operation } : {}) };
  return { ...resourceReply(instance), body };
}
