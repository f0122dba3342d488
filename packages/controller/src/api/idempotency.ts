/** A POST or DELETE that carries an Idempotency-Key is done once; its repetitions are answered with what it made. */
import { createHash } from 'node:crypto';
import { err, routes } from '@gantry/model';
import type { Draft } from '../store/batch.ts';
import { type About, type App, type Reply, type Request, resourceReply } from './call.ts';
import type { Caller } from './caller.ts';

export interface Replay {
  answered(): Promise<Reply | undefined>;
  record(made: NonNullable<About['made']>): NonNullable<Draft['batch']['idempotency']>;
}

/** Undefined for requests that are not remembered. */
export function idempotency(app: App, caller: Caller, request: Request, input: object): Replay | undefined {
  const { idempotencyKey: key, route, params } = request;
  const repeatable = routes[route].method === 'POST' || routes[route].method === 'DELETE';
  if (key === undefined || !repeatable || caller.role === 'agent') return undefined;
  if (!/^[\x21-\x7e]{1,128}$/.test(key))
    throw err('invalid_argument', { what: 'the Idempotency-Key', wanted: '1 to 128 printable characters' });
  const digest = createHash('sha256')
    .update(JSON.stringify([route, params, input, ...(caller.onlyProject ? [caller.onlyProject] : [])]))
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
