/** Creating and deleting things that are only rows: flavors, images, networks, projects, tokens. */
import { err } from '@gantry/model';
import type { Kind, Kinds } from '../kinds.ts';
import { nameSpace, newObject } from '../objects.ts';
import { Draft } from '../store/batch.ts';
import { type Call, committed, type Reply, requireMatch, resourceReply } from './call.ts';

type Making = Pick<Call, 'app' | 'commit' | 'ifMatch'> & { query: { plan?: boolean } };

/** @throws GantryError `name_taken` */
export async function createNamed<K extends Kind>(
  call: Making,
  kind: K,
  fields: Parameters<typeof newObject<K>>[2],
  more?: (draft: Draft, object: Kinds[K]) => void,
): Promise<Reply> {
  const { app } = call;
  const { name, project } = fields;
  const named = await app.store.named(kind, name);
  if (named.some((other) => other.project === project)) throw err('name_taken', { kind, name });
  const object = newObject(app.env, kind, fields);
  if (call.query.plan) return { status: 200, body: object };
  const draft = new Draft(app.env.clock.now()).take(nameSpace(kind, project), name, object.id).add(object);
  more?.(draft, object);
  const made = { kind, id: object.id };
  const written = await call.commit(draft, { subject: object, message: `create ${kind} ${name}`, made });
  return resourceReply(committed(written, object), 201);
}

/** Its row and its name. Answers it as it was. */
export async function deleteNamed<K extends Kind>(
  call: Making,
  object: Kinds[K],
  draft = new Draft(call.app.env.clock.now()),
): Promise<Reply> {
  requireMatch(call, object);
  if (call.query.plan) return resourceReply(object);
  const { kind, name, id } = object;
  draft.remove(object).release(id);
  await call.commit(draft, { subject: object, message: `delete ${kind} ${name}`, removed: object });
  return resourceReply(object);
}

/** @throws GantryError `in_use`, naming at most five users */
export function requireUnused(object: Kinds[Kind], users: readonly { name: string }[]): void {
  if (users.length === 0) return;
  const names = users.slice(0, 5).map((user) => user.name);
  const more = users.length > 5 ? ` and ${users.length - 5} more` : '';
  throw err('in_use', { kind: object.kind, name: object.name, users: names.join(', ') + more });
}

/** A map with some keys set and others (null) unset. */
export function patchMap(
  present: Record<string, string> | undefined,
  changes: Record<string, string | null>,
): Record<string, string> {
  const merged = { ...present, ...changes };
  return Object.fromEntries(
    Object.entries(merged).filter((pair): pair is [string, string] => pair[1] !== null),
  );
}
