/** Changing an instance: at once a new spec, and what its guest gets of it when. */
import { type InstanceChanged, requirePermitted } from '@gantry/model';
import { setInstance as decide } from '../operations/set-instance.ts';
import { committed, etagOf, type Handler, requireMatch, resolve } from './call.ts';
import { refOf } from './list.ts';

export const setInstance: Handler<'setInstance'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requireMatch(call, instance);
  requirePermitted('set', instance);
  const { draft, after, changes, operation } = await decide(call, instance, call.body);
  if (call.query.plan) {
    await call.app.store.rehearse(draft.batch);
    return { body: { instance: after, changes } satisfies InstanceChanged };
  }
  const begun = operation ? { operation } : {};
  if (changes.length === 0) return { body: { instance, changes, ...begun } satisfies InstanceChanged };
  const words = changes.map(({ setting, to }) => `${setting}=${to ?? ''}`).join(', ');
  const message = `set ${words.slice(0, 500)} of instance ${instance.name}`;
  const beside = { changes, ...(operation ? { operation: operation.id } : {}) };
  const revisions = await call.commit(draft, { subject: instance, message, beside });
  const written = committed(revisions, after);
  const body: InstanceChanged = {
    instance: written,
    changes,
    ...(operation ? { operation: committed(revisions, operation) } : {}),
  };
  return { headers: { etag: etagOf(written.revision) }, body };
};
