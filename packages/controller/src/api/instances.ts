/** Instances: what users ask of them becomes an operation. */
import type { Duplex } from 'node:stream';
import {
  err,
  type Guest,
  type Instance,
  type InstanceAction,
  type Node,
  requirePermitted,
  type TunnelRequest,
} from '@gantry/model';
import { type BegunAction, beginAct, beginDelete, beginStop } from '../operations/begin-actions.ts';
import { orOnce } from '../operations/begin-boot-once.ts';
import { beginCreate } from '../operations/begin-create.ts';
import { beginReinstall, beginRescue, beginUnrescue } from '../operations/begin-exchange.ts';
import { beginRelease } from '../operations/begin-release.ts';
import { beginResize, beginRevert } from '../operations/begin-resize.ts';
import { beginStartOrRestore, beginSuspend } from '../operations/begin-suspend.ts';
import { bindingAmong } from '../operations/binding.ts';
import { join } from '../tunnels.ts';
import { accepted, begun, changeable, planned } from './begun.ts';
import { type Asking, type Call, type Handler, resolve, resourceReply } from './call.ts';
import { createPlan } from './create-plan.ts';
import { getReply, refOf, textReply } from './list.ts';
import { withSizeOrigins } from './size-origins.ts';

export const listInstances: Handler<'listInstances'> = (call) => textReply(call, 'instance');
export const getInstance: Handler<'getInstance'> = (call) => getReply(call, 'instance');

export const getInstanceGuest: Handler<'getInstanceGuest'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  const guest = await guestOf(call, instance);
  const { explanation } = guest.status;
  if (!explanation) return resourceReply(guest);
  const { flavor: id } = instance.spec;
  const flavor = id && (await call.app.store.get('flavor', id));
  const told = withSizeOrigins(explanation, instance.spec, guest.spec.input, flavor || undefined);
  return resourceReply({ ...guest, status: { ...guest.status, explanation: told } });
};

export const createInstance: Handler<'createInstance'> = async (call) => {
  const create = await beginCreate(call, call.body);
  const { draft, instance } = create;
  if (call.query.plan) return planned(call, draft, createPlan(create));
  return begun(call, create, instance, `create instance ${instance.name}`);
};

type ActionRoute =
  | 'startInstance'
  | 'stopInstance'
  | 'rebootInstance'
  | 'resetInstance'
  | 'pauseInstance'
  | 'resumeInstance'
  | 'suspendInstance'
  | 'reinstallInstance'
  | 'rescueInstance'
  | 'unrescueInstance'
  | 'nmiInstance'
  | 'sendKeyInstance'
  | 'resizeInstance'
  | 'revertInstanceResize'
  | 'releaseInstance'
  | 'deleteInstance';

const beginning =
  <N extends ActionRoute>(
    action: InstanceAction,
    begin: (asking: Asking, instance: Instance, body: never) => Promise<BegunAction>,
  ): Handler<N> =>
  async (given) => {
    const call = given as unknown as Call<ActionRoute>;
    const instance = await changeable(call, action);
    const wishes = call.route === 'deleteInstance' ? call.query : call.body;
    if (call.body && 'bootOnce' in call.body && action !== 'start' && action !== 'reboot')
      throw onlyStarts(action);
    return accepted(call, await begin(call, instance, wishes as never), instance, action);
  };

const onlyStarts = (action: string) =>
  err('invalid_argument', {
    what: `bootOnce beside ${action}`,
    wanted: 'possible: start and reboot take it',
  });

export const startInstance = beginning<'startInstance'>(
  'start',
  orOnce('instance.start', beginStartOrRestore),
);
export const stopInstance = beginning<'stopInstance'>('stop', beginStop);
export const rebootInstance = beginning<'rebootInstance'>(
  'reboot',
  orOnce('instance.reboot', beginAct('instance.reboot')),
);
export const resetInstance = beginning<'resetInstance'>('reset', beginAct('instance.reset'));
export const pauseInstance = beginning<'pauseInstance'>('pause', beginAct('instance.pause'));
export const resumeInstance = beginning<'resumeInstance'>('resume', beginAct('instance.resume'));
export const suspendInstance = beginning<'suspendInstance'>('suspend', beginSuspend);
export const reinstallInstance = beginning<'reinstallInstance'>('reinstall', beginReinstall);
export const rescueInstance = beginning<'rescueInstance'>('rescue', beginRescue);
export const unrescueInstance = beginning<'unrescueInstance'>('unrescue', beginUnrescue);
export const nmiInstance = beginning<'nmiInstance'>('nmi', beginAct('instance.nmi'));
export const sendKeyInstance = beginning<'sendKeyInstance'>('send-key', beginAct('instance.send-key'));
export const resizeInstance = beginning<'resizeInstance'>('resize', beginResize);
export const revertInstanceResize = beginning<'revertInstanceResize'>('revert the resize of', beginRevert);
export const releaseInstance = beginning<'releaseInstance'>('release', beginRelease);
export const deleteInstance = beginning<'deleteInstance'>('delete', beginDelete);

/** The binding of an instance. @throws GantryError `not_found` */
export async function guestOf({ app }: Asking, instance: Instance): Promise<Guest> {
  const guest = bindingAmong((await app.store.list('guest', { owner: instance.id })).items, instance);
  if (!guest) throw err('not_found', { kind: 'guest', name: instance.name });
  return guest;
}

/** A byte stream to the node of an instance. */
async function dial(
  call: Pick<Call, 'app' | 'caller' | 'params' | 'signal'>,
  action: InstanceAction,
  what: (instance: Guest['spec']['instance']) => TunnelRequest['what'],
): Promise<Duplex> {
  const instance = await resolve(call, 'instance', refOf(call));
  requirePermitted(action, instance);
  const guest = await guestOf(call, instance);
  return call.app.tunnels.open(await nodeOf(call, guest), what(guest.spec.instance), call.signal);
}

/** Where it is bound to. @throws GantryError `not_found` */
export async function nodeOf({ app }: Pick<Call, 'app'>, { spec }: Guest): Promise<Node> {
  const node = await app.store.get('node', spec.node);
  if (!node) throw err('not_found', { kind: 'node', name: spec.node });
  return node;
}

const attach =
  <N extends 'instanceConsole' | 'instanceVnc'>(kind: 'console' | 'vnc'): Handler<N> =>
  async (call) => {
    if (kind === 'vnc')
      await requireMade(call as unknown as Call, 'its display', 'what its own definition opens on the node');
    const far = await dial(call as unknown as Call, 'console', (instance) => ({ kind, instance }));
    return { socket: (near) => join(near, far) };
  };

export const instanceConsole = attach<'instanceConsole'>('console');
export const instanceVnc = attach<'instanceVnc'>('vnc');

export const instanceLogs: Handler<'instanceLogs'> = async (call) => {
  const { follow = false, tailBytes = 64 * 2 ** 20 } = call.query;
  await requireMade(call, 'its console log', '`gantry console`, which shows what it says');
  const bytes = await dial(call, 'logs', (instance) => ({ kind: 'log', instance, follow, tailBytes }));
  return { bytes: untilEnd(bytes, call.signal), headers: { 'content-type': 'application/octet-stream' } };
};

/** What Gantry adds to guests that it makes. @throws GantryError `not_supported` for an imported one */
async function requireMade(
  call: Asking & Pick<Call, 'params'>,
  what: string,
  instead: string,
): Promise<void> {
  const { spec } = await resolve(call, 'instance', refOf(call));
  if (!spec.adopted) return;
  throw err('not_supported', {
    what: `${what} of an imported instance`,
    instead: `Look at ${instead}.`,
  });
}

async function* untilEnd(from: Duplex, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => from.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of from) yield chunk as Uint8Array;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    from.destroy();
  }
}
