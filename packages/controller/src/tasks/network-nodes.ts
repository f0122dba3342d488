/**
 * Networks follow their groups: a network on an uplink or on a bridge of the operator's is looked after on every node of
 * its groups, before there is an instance, so that a node without the bridge is known; NAT is made when the first
 * instance needs it. What has changed in the network reaches the nodes; where it does not belong any more it goes, once
 * no guest uses it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Attachment, Network, Node, NodeId } from '@gantry/model';
import type { Env } from '../env.ts';
import { COUNTERS } from '../objects.ts';
import { attach, attachmentSpec, isConnected } from '../operations/attachments.ts';
import { lastEpoch } from '../placement/choose-node.ts';
import { Draft } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

const concerned = new Set(['network', 'node', 'group', 'guest', 'attachment']);

export function networkNodes(store: Store, env: Env): Task {
  return {
    name: 'network-nodes',
    periodMs: 60_000,
    wants: ({ changes }) => changes.some(({ meta }) => concerned.has(meta.kind)),
    async run() {
      for (const network of (await store.list('network')).items)
        await follow(store, env, network).catch((error: unknown) => {
          if (!(error instanceof Conflict)) throw error; // decided anew at the next run, which the other commit causes
        });
    },
  };
}

async function follow(store: Store, env: Env, network: Network): Promise<void> {
  const epoch = await lastEpoch(store);
  const { items: nodes } = await store.list('node');
  const { items: attachments } = await store.list('attachment', { owner: network.id });
  const draft = new Draft(env.clock.now());
  for (const node of nodes) {
    const present = attachments.find(({ spec }) => spec.node === node.id);
    const next = await wanted(store, env, network, node, present);
    if (next && !present) draft.add(next).relyOn(node);
    else if (next) draft.put(next).relyOn(node);
  }
  if (draft.empty) return;
  // As a placement does: an instance that is being made on one of these nodes looks at its attachments again.
  draft.batch.counters.push({ name: COUNTERS.epoch, from: epoch, to: epoch + 1 });
  await store.commit(draft.relyOn(network).batch);
}

/** The attachment as it must become; undefined: it is as it should be. */
async function wanted(
  store: Store,
  env: Env,
  network: Network,
  node: Node,
  present: Attachment | undefined,
): Promise<Attachment | undefined> {
  const id = node.id as NodeId;
  if (isConnected(network, node.spec.group)) {
    if (!present) return network.spec.mode !== 'nat' ? attach(env, network, id) : undefined;
    return changed(present, attachmentSpec(network, id));
  }
  if (!present || present.spec.desired === 'absent' || (await isUsed(store, network, id))) return undefined;
  return changed(present, { ...present.spec, desired: 'absent' });
}

const changed = (present: Attachment, spec: Attachment['spec']): Attachment | undefined =>
  isDeepStrictEqual(present.spec, spec)
    ? undefined
    : { ...present, generation: present.generation + 1, spec };

/** By a guest of the node, running or not. */
async function isUsed(store: Store, network: Network, node: NodeId): Promise<boolean> {
  const { items: guests } = await store.list('guest', { node });
  for (const { spec } of guests) {
    const instance = await store.get('instance', spec.instance);
    if (instance?.spec.nics.some((nic) => nic.network === network.id)) return true;
  }
  return false;
}
