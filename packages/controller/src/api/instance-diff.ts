/** How a guest differs from what its settings would give: put together here, compared on the node, which knows its paths. */
import type { Readable } from 'node:stream';
import {
  DiffAnswer,
  err,
  fromProblem,
  type GuestComparison,
  type GuestInput,
  type Instance,
  type InstanceDiff,
  isGantryError,
  matches,
  requirePermitted,
  type TunnelRequest,
} from '@gantry/model';
import { guestInput, guestSpec, readAncestry } from '../operations/guest-spec.ts';
import { type Call, type Handler, resolve } from './call.ts';
import { guestOf, nodeOf } from './instances.ts';
import { refOf } from './list.ts';

/** What the agent must be able to do, as its facts name it. */
const CAPABILITY = 'guest:diff';
/** Far more than all elements of a guest take twice. */
const ANSWER_LIMIT_BYTES = 16 * 2 ** 20;
/** libvirt may be busy with the guest. */
const ANSWER_MS = 30_000;

type DiffWish = Extract<TunnelRequest['what'], { kind: 'diff' }>;

export const diffInstance: Handler<'diffInstance'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requirePermitted('diff', instance.name, instance.status.state);
  const guest = await guestOf(call, instance);
  const node = await nodeOf(call, guest);
  if (!node.status.facts?.capabilities.includes(CAPABILITY))
    throw err('agent_outdated', { fields: `comparing guests (${CAPABILITY})` });
  const wish = await wishOf(call, instance, guest.spec);
  const bytes = await call.app.tunnels.open(node, wish, call.signal);
  const comparison = await comparisonFrom(bytes, call, node.name);
  const body: InstanceDiff = {
    instance: guest.spec.instance,
    name: instance.name,
    node: guest.spec.node,
    ...comparison,
  };
  return { body };
};

async function wishOf(
  { app }: Pick<Call, 'app'>,
  instance: Instance,
  binding: Parameters<typeof guestSpec>[1],
): Promise<DiffWish> {
  const ancestry = await readAncestry(app.store, instance, binding.node);
  const input = guestInput(instance, ancestry);
  const flavor = instance.spec.flavor && (await app.store.get('flavor', instance.spec.flavor));
  const anew: GuestInput = {
    ...input,
    ...(flavor ? { extraSpecs: flavor.spec.extraSpecs ?? {} } : {}),
    ...(ancestry.image ? { imageProperties: ancestry.image.spec.properties ?? {} } : {}),
  };
  const same = JSON.stringify(anew) === JSON.stringify(input);
  const next = guestSpec(input, binding);
  return { kind: 'diff', instance: binding.instance, next, ...(same ? {} : { anew }) } as DiffWish;
}

/** What a node says is checked like anybody's input. @throws GantryError what the agent refuses with */
async function comparisonFrom(
  bytes: Readable,
  { app, signal }: Pick<Call, 'app' | 'signal'>,
  node: string,
): Promise<GuestComparison> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const giveUp = () => bytes.destroy();
  void app.env.clock.sleep(ANSWER_MS, either).then(giveUp, giveUp);
  try {
    const answer: unknown = JSON.parse(await textOf(bytes));
    if (!matches(DiffAnswer, answer)) throw new Error('not an answer');
    if ('problem' in answer) throw fromProblem(answer.problem);
    return answer.comparison;
  } catch (error) {
    if (isGantryError(error)) throw error;
    throw err('node_unreachable', { node, ago: 'a moment: it gave no answer that can be read' }, error);
  } finally {
    done.abort();
  }
}

async function textOf(bytes: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += (chunk as Uint8Array).length;
    if (size > ANSWER_LIMIT_BYTES) throw new Error('too long');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}
