/** A lock refuses every change of an instance until it is taken off. What is under way goes on, and so does the guest. */
import { type Instance, requirePermitted } from '@gantry/model';
import { nowOf } from '../env.ts';
import { Draft, withSpec } from '../store/batch.ts';
import {
  type Call,
  committed,
  type Handler,
  type Reply,
  requireMatch,
  resolve,
  resourceReply,
} from './call.ts';
import { actorOf } from './caller.ts';
import { refOf } from './list.ts';

/** A second lock is the one that counts: its reason is the newer. */
export const lockInstance: Handler<'lockInstance'> = async (call) => {
  const instance = await lockable(call);
  const { reason } = call.body;
  const locked = { reason, by: actorOf(call.caller), at: nowOf(call.app.env) };
  return put(call, instance, withSpec(instance, { locked }), `lock instance ${instance.name}: ${reason}`);
};

export const unlockInstance: Handler<'unlockInstance'> = async (call) => {
  const instance = await lockable(call);
  if (!instance.spec.locked) return resourceReply(instance);
  const { locked: _, ...spec } = instance.spec;
  const after = { ...instance, generation: instance.generation + 1, spec };
  return put(call, instance, after, `unlock instance ${instance.name}`);
};

type Locking = Pick<Call, 'app' | 'caller' | 'params' | 'ifMatch' | 'commit'>;

async function lockable(call: Locking): Promise<Instance> {
  const instance = await resolve(call, 'instance', refOf(call));
  requireMatch(call, instance);
  requirePermitted('lock', instance);
  return instance;
}

async function put(call: Locking, subject: Instance, after: Instance, message: string): Promise<Reply> {
  const draft = new Draft(call.app.env.clock.now()).put(after);
  return resourceReply(committed(await call.commit(draft, { subject, message }), after));
}
