/** Streams last; the permission to read them may not: they end when their token ends, or its user may another thing. */

import { isDeepStrictEqual } from 'node:util';
import { type Token, tokenRights, type User } from '@gantry/model';
import type { Change } from '../store/store.ts';
import type { App, Reply } from './call.ts';
import type { Caller } from './caller.ts';

export interface Permission {
  /** Aborts with the request's own signal, or when the token ends. */
  signal: AbortSignal;
  /** Aborts only when the token ends. */
  revoked: AbortSignal;
  /** Stops watching over the token. */
  done(): void;
}

export function whilePermitted({ store, env }: App, caller: Caller, signal: AbortSignal): Permission {
  const { token } = caller;
  const ended = new AbortController();
  const end = () => ended.abort();
  const unsubscribe = store.subscribe(({ changes }) => {
    if (changes.some((change) => ends(change, caller))) end();
  });
  const { expiresAt } = token.spec;
  const over = new AbortController();
  const done = () => {
    unsubscribe();
    over.abort();
  };
  signal.addEventListener('abort', done, { once: true });
  if (expiresAt) {
    // a stream that lasts longer than a timer of Node is dialled anew
    env.clock.sleep(Date.parse(expiresAt) - env.clock.now(), over.signal).then(end, () => {});
  }
  return { signal: AbortSignal.any([signal, ended.signal]), revoked: ended.signal, done };
}

function ends({ op, meta, object }: Change, { token, user }: Caller): boolean {
  if (meta.id === token.id) return op === 'delete' || (object as Token).spec.revokedAt !== undefined;
  if (user === undefined || meta.id !== user.id) return false;
  return op === 'delete' || !isDeepStrictEqual(tokenRights(token, object as User), tokenRights(token, user));
}

/** A socket handed out is destroyed when the token ends. What closes by itself is left to drain. */
export function guarded(reply: Reply, { revoked }: Permission): Reply {
  const { socket } = reply;
  if (!socket) return reply;
  return {
    ...reply,
    socket(stream) {
      if (revoked.aborted) return void stream.destroy();
      revoked.addEventListener('abort', () => stream.destroy(), { once: true });
      socket(stream);
    },
  };
}
