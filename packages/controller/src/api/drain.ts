/** `node drain --plan`: what would become of each guest. Changes nothing. */
import { type DrainPlan, type Guest, type Network, type NodeId, operationEnded } from '@gantry/model';
import { whyNoNode } from '@gantry/placement';
import { theCluster } from '../operations/guest-spec.ts';
import { candidatesOf } from '../placement/capacity.ts';
import { decide } from '../placement/choose-node.ts';
import { drainSteps, type Leaving } from '../placement/drain-plan.ts';
import { networkTest } from '../placement/networks-there.ts';
import { peerOf } from '../placement/records.ts';
import type { Store } from '../store/store.ts';
import { type Handler, resolve } from './call.ts';
import { refOf } from './list.ts';

export const planDrain: Handler<'planDrain'> = async (call) => {
  const { store, mirror } = call.app;
  const node = await resolve(call, 'node', refOf(call));
  const cluster = await theCluster(store);
  const leaving: Leaving[] = [];
  for (const guest of (await store.list('guest', { node: node.id })).items) {
    const one = await readLeaving(store, guest);
    if (one) leaving.push(one);
  }
  const steps = await mirror.read((view) => {
    // disks and settings of a guest are its group’s: it stays in it
    const others = candidatesOf(view, cluster).filter(
      (each) => each.node.id !== node.id && each.node.spec.group === node.spec.group,
    );
    return drainSteps(leaving, others, decide, (_, decision) => whyNoNode(decision));
  });
  const plan: DrainPlan = { node: node.id as NodeId, name: node.name, role: node.spec.role, steps };
  return { body: plan };
};

async function readLeaving(store: Store, { spec }: Guest): Promise<Leaving | undefined> {
  const instance = await store.get('instance', spec.instance);
  if (!instance) return undefined;
  const networks: Network[] = [];
  for (const nic of instance.spec.nics) {
    const network = await store.get('network', nic.network);
    if (network) networks.push(network);
  }
  const networksAt = await networkTest(store, networks);
  const id = instance.status.operation;
  const operation = id && (await store.get('operation', id));
  const busy = operation && !operationEnded(operation.status.state);
  return {
    instance,
    wanted: { newcomer: peerOf(instance), input: spec.input, networks, networksAt, only: undefined },
    ...(busy ? { busy: `operation ${operation.spec.number} is under way` } : {}),
  };
}
