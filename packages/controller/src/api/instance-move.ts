/** `instance move`: to a node that is named, or to the one that placement chooses. */
import { formatBytes, type Plan, requirePermitted } from '@gantry/model';
import { type BegunMove, beginMove } from '../operations/begin-move.ts';
import { requireIdle } from '../operations/new-operation.ts';
import { describeFit } from '../placement/choose-node.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { refOf } from './list.ts';

export const moveInstance: Handler<'moveInstance'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requireMatch(call, instance);
  await requireIdle(call.app.store, instance);
  requirePermitted('move', instance);
  const { node: ref, ...wishes } = call.body;
  const node = ref === undefined ? undefined : await resolve(call, 'node', ref);
  const begun = await beginMove(call.app, call.caller, instance, { ...wishes, ...(node ? { node } : {}) });
  if (call.query.plan) return { status: 200, body: planOf(begun, instance.name) };
  const { draft, operation, to } = begun;
  const message = `move instance ${instance.name} to ${to.name} (operation ${operation.spec.number})`;
  const made = { kind: 'operation' as const, id: operation.id };
  const written = await call.commit(draft, { subject: instance, message, made });
  return { ...resourceReply(committed(written, operation)), status: 202 };
};

function planOf({ decision, from, to, restart, bytes, fit }: BegunMove, name: string): Plan {
  const plan = [
    `move instance ${name} from ${from.name} to ${to.name}, ${decision.lookedAt} looked at`,
    ...describeFit(fit),
    ...(restart ? ['stop it'] : []),
    ...(bytes > 0 ? [`copy its disks: ${formatBytes(bytes)}`] : []),
    restart ? 'start it there' : 'leave it stopped there',
    `remove its disks from ${from.name}`,
  ];
  return { plan, placement: decision };
}
