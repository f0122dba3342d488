/** A command inside a guest, by the guest's own agent. Audited like one on a node. */
import { requirePermitted } from '@gantry/model';
import { Draft } from '../store/batch.ts';
import { type Handler, resolve } from './call.ts';
import { AUDIT_LENGTH, runCommand } from './command-stream.ts';
import { guestOf, nodeOf } from './instances.ts';
import { refOf } from './list.ts';

export const execInInstance: Handler<'execInInstance'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requirePermitted('run a command in', instance);
  const guest = await guestOf(call, instance);
  const node = await nodeOf(call, guest);
  const message = `run in instance ${instance.name}: ${JSON.stringify(call.body.argv).slice(0, AUDIT_LENGTH)}`;
  await call.commit(new Draft(call.app.env.clock.now()), { subject: instance, message });
  const command = { do: 'guest-exec', instance: guest.spec.instance, ...call.body } as const;
  return { events: runCommand(call, instance, node, command) };
};
