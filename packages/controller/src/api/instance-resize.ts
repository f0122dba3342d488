/** A resize is confirmed: the new size is kept, and what the old one held of the node is free. */
import { err, requirePermitted } from '@gantry/model';
import { confirmed } from '../operations/confirm-resize.ts';
import { requireIdle } from '../operations/new-operation.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { refOf } from './list.ts';

export const confirmInstanceResize: Handler<'confirmInstanceResize'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requireMatch(call, instance);
  requirePermitted('confirm the resize of', instance);
  const { name, spec } = instance;
  if (!spec.resize) throw err('no_resize', { name, action: 'confirm' });
  await requireIdle(call.app.store, instance);
  const { draft, after } = await confirmed(call.app, instance);
  if (call.query.plan) return resourceReply(after);
  const message = `confirm the resize of instance ${name}`;
  return resourceReply(committed(await call.commit(draft, { subject: instance, message }), after));
};
