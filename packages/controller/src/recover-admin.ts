/**
 * `gantry server recover --state DIR`: a new token for the user `admin`, for when nobody has one of an administrator any more. Who may
 * write the store may do so anyway; here it is done in one commit, and told in the audit. The controller must not run.
 */
import { text } from 'node:stream/consumers';
import { err, line, optional, strict, type TokenId, type User, type UserId, validate } from '@gantry/model';
import { hashSecret, newSecret } from './api/caller.ts';
import { type Env, nowOf } from './env.ts';
import { nameSpace, newObject } from './objects.ts';
import { Draft, withSpec } from './store/batch.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import type { Store } from './store/store.ts';

export interface Recovered {
  user: string;
  token: string;
  secret: string;
  /** What had to be changed of the user beside his token: `made`, `enabled`, `made an administrator`. */
  changed: string[];
}

const ADMIN = 'admin';

/** What `gantry cluster recover-admin` says. */
const Options = strict({ by: optional(line(64, 'who asked, as the machine knows him')) });

/** @throws GantryError `store_locked` while a controller runs, `store_unusable` */
export async function recoverCommand(
  env: Env,
  path: string,
  stdin: NodeJS.ReadableStream,
): Promise<Recovered> {
  const given = (await text(stdin as never)) || '{}';
  const { by = 'root' } = validate(Options, JSON.parse(given));
  const store = new SqliteStore(path);
  try {
    return await recoverAdmin(store, env, by);
  } finally {
    await store.close();
  }
}

export async function recoverAdmin(store: Store, env: Env, by: string): Promise<Recovered> {
  if ((await store.list('cluster')).items.length === 0)
    throw err('store_unusable', { why: 'it is the store of no cluster' });
  const draft = new Draft(env.clock.now());
  const { user, changed } = await administrator(store, env, draft);
  const id = env.uuid();
  const token = newObject(env, 'token', {
    ...{ id, name: `${ADMIN}-${id.slice(0, 8)}` },
    spec: { role: 'admin', user: user.id as UserId },
    status: {},
  });
  const secret = newSecret(env);
  draft.take(nameSpace('token', user.id), token.name, token.id).add(token);
  draft.batch.secrets.push({ token: token.id, hash: hashSecret(secret) });
  const also = changed.length > 0 ? `; the user was ${changed.join(' and ')}` : '';
  draft.batch.events.push({
    ...{ at: nowOf(env), type: 'access.recovered', level: 'warn', actor: by },
    subject: { kind: 'user', id: user.id, name: user.name },
    message: `a new token of user ${user.name}, ${token.name}, was made on the controller’s machine${also}`,
    audit: {
      user: user.id as UserId,
      token: { id: token.id as TokenId, name: token.name },
      from: 'the store itself',
      result: 'done',
    },
  });
  await store.commit(draft.batch);
  return { user: user.name, token: token.name, secret, changed };
}

/** Whatever became of him, he is one afterwards. */
async function administrator(
  store: Store,
  env: Env,
  draft: Draft,
): Promise<{ user: User; changed: string[] }> {
  const [known] = await store.named('user', ADMIN);
  if (!known) {
    const user = newObject(env, 'user', { name: ADMIN, spec: { role: 'admin' }, status: {} });
    draft.take(nameSpace('user'), user.name, user.id).add(user);
    return { user, changed: ['made'] };
  }
  const { disabled, role } = known.spec;
  const changed = [...(disabled ? ['enabled'] : []), ...(role === 'admin' ? [] : ['made an administrator'])];
  if (changed.length === 0) return { user: known, changed };
  const user = withSpec(known, { role: 'admin', disabled: false });
  draft.put(user);
  return { user, changed };
}
