/** Another name for a stopped instance: claim, instance, disks and binding in one commit. Its domain follows when it is defined next. */
import { err, type Instance, requirePermitted } from '@gantry/model';
import { requireNameAgrees } from '../networks/check-name.ts';
import { nameSpace } from '../objects.ts';
import { bindingOf } from '../operations/begin-actions.ts';
import { unasked } from '../operations/binding.ts';
import { guestInput, guestSpec, readAncestry } from '../operations/guest-spec.ts';
import { putBinding, startingFit } from '../operations/held-hardware.ts';
import { requireIdle } from '../operations/new-operation.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { type Asking, committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { refOf } from './list.ts';

export const renameInstance: Handler<'renameInstance'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requireMatch(call, instance);
  const { name } = call.body;
  if (name === instance.name) return resourceReply(instance);
  await requireIdle(call.app.store, instance);
  requirePermitted('rename', instance);
  const named = await call.app.store.named('instance', name);
  if (named.some(({ project }) => project === instance.project))
    throw err('name_taken', { kind: 'instance', name });
  if (call.body.nameCheck !== false) await requireNameAgreesWith(call, instance, name);
  const after = renamed(instance, name);
  if (call.query.plan) return resourceReply(after);
  const draft = await draftOf(call, instance, after);
  const message = `rename instance ${instance.name} to ${name}`;
  return resourceReply(committed(await call.commit(draft, { subject: instance, message }), after));
};

async function requireNameAgreesWith({ app }: Asking, { spec }: Instance, name: string): Promise<void> {
  const ids = [...new Set(spec.nics.map(({ network }) => network))];
  const [resolved, ...found] = await Promise.all([
    app.env.addressesOf(name),
    ...ids.map((id) => app.store.get('network', id)),
  ]);
  const networks = found.filter((network) => network !== undefined);
  requireNameAgrees(name, resolved, spec.nics, networks);
}

/** A host name that was the instance’s name goes with it; the guest may have kept the old one inside. */
function renamed(instance: Instance, name: string): Instance {
  const { personality } = instance.spec;
  const hostname = personality.hostname === instance.name ? { hostname: name } : {};
  return { ...withSpec(instance, { personality: { ...personality, ...hostname } }), name };
}

async function draftOf({ app }: Pick<Asking, 'app'>, before: Instance, after: Instance): Promise<Draft> {
  const { store, env } = app;
  const draft = new Draft(env.clock.now()).put(after);
  const space = nameSpace('instance', before.project);
  draft.batch.release.push({ owner: before.id, space, value: before.name });
  draft.take(space, after.name, before.id);
  const guest = await bindingOf({ app }, before);
  const input = guestInput(after, await readAncestry(store, after, guest.spec.node));
  const { operation: _, reserved: __, ...binding } = guest.spec;
  const place = startingFit(after, guest, input);
  const spec = guestSpec(input, { ...binding, ...place });
  putBinding(draft, guest, { ...unasked(guest, spec), name: after.name });
  for (const disk of (await store.list('disk', { owner: before.id })).items)
    if (disk.spec.ownedByInstance) draft.put({ ...disk, name: `${after.name}:${disk.spec.index}` });
  return draft;
}
