/** What is done inside a guest, by its agent, at once: passwords and keys pass through and are kept nowhere. */
import {
  err,
  type Instance,
  type InstanceAction,
  type InstanceId,
  type NodeAnswer,
  type NodeCall,
  requirePermitted,
} from '@gantry/model';
import { askNode } from '../node-calls.ts';
import { Draft } from '../store/batch.ts';
import { type Call, type Handler, type Reply, resolve } from './call.ts';
import { guestOf } from './instances.ts';
import { refOf } from './list.ts';

export const setInstancePassword: Handler<'setInstancePassword'> = (call) =>
  inside(call, 'set password', `set the password of ${call.body.user} in`, (instance) => ({
    do: 'agent.set-password',
    instance,
    ...call.body,
  }));

export const addInstanceKeys: Handler<'addInstanceKeys'> = (call) =>
  inside(
    call,
    'add ssh key',
    `let ${call.body.keys.length} ssh keys into ${call.body.user} in`,
    (instance) => ({
      do: 'agent.add-ssh-keys',
      instance,
      ...call.body,
    }),
  );

export const pingInstanceAgent: Handler<'pingInstanceAgent'> = async (call) => {
  const { answer } = await ask(call, 'ping the agent of', (instance) => ({ do: 'agent.ping', instance }));
  return { body: answer };
};

/** A picture of what it shows; nobody in the guest knows of it. */
export const instanceScreenshot: Handler<'instanceScreenshot'> = async (call) => {
  const { answer } = await ask(call, 'take a screenshot of', (instance) => ({
    do: 'guest.screenshot',
    instance,
  }));
  const png = Buffer.from((answer as NodeAnswer<'guest.screenshot'>).png, 'base64');
  return { bytes: once(png), headers: { 'content-type': 'image/png' } };
};

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

type Asking = Pick<Call, 'app' | 'caller' | 'params' | 'signal'>;

/** In the audit before it is done: nothing happens in a guest of which nothing is known. */
async function inside(
  call: Asking & Pick<Call, 'commit'>,
  action: InstanceAction,
  what: string,
  callOf: (instance: InstanceId) => NodeCall,
): Promise<Reply> {
  await ask(call, action, callOf, async (instance) => {
    const message = `ask to ${what} instance ${instance.name}`;
    await call.commit(new Draft(call.app.env.clock.now()), { subject: instance, message });
  });
  return { body: {} };
}

async function ask(
  call: Asking,
  action: InstanceAction,
  callOf: (instance: InstanceId) => NodeCall,
  before: (instance: Instance) => Promise<void> = async () => undefined,
): Promise<{ instance: Instance; answer: unknown }> {
  const instance = await resolve(call, 'instance', refOf(call));
  requirePermitted(action, instance);
  const guest = await guestOf(call, instance);
  const node = await call.app.store.get('node', guest.spec.node);
  if (!node) throw err('not_found', { kind: 'node', name: guest.spec.node });
  await before(instance);
  const answer = await askNode(call.app, node, callOf(guest.spec.instance), call.signal);
  return { instance, answer };
}
