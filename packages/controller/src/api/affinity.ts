/** Rules about sharing a node: whom they name, and how they stand. */
import { type AffinityRule, type AffinityStanding, err } from '@gantry/model';
import { standings } from '@gantry/placement';
import { peerOf } from '../placement/records.ts';
import { type Asking, type Handler, resolve } from './call.ts';
import { refOf } from './list.ts';

/** @throws GantryError `invalid_argument`; `not_found` for an instance to be near that there is not */
export async function requirePeers(asking: Asking, rules: readonly AffinityRule[] = []): Promise<void> {
  for (const { policy, instance, label } of rules) {
    if ((instance === undefined) === (label === undefined))
      throw err('invalid_argument', { what: policy, wanted: 'with an instance or a label, and not both' });
    if (instance !== undefined && !policy.endsWith('anti-affinity'))
      await resolve(asking, 'instance', instance);
  }
}

export const getInstanceAffinity: Handler<'getInstanceAffinity'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  const { node } = instance.status;
  const items = await call.app.mirror.read((view): AffinityStanding[] => {
    if (!node) return [];
    const everybody = () => [...view.nodes.keys()].flatMap((id) => [...view.load(id).residents.values()]);
    return standings(peerOf(instance), [...view.load(node).residents.values()], everybody);
  });
  return { body: { items } };
};
