/** How a guest differs from what its settings would give: put together here, compared on the node, which knows its paths. */
import {
  type GuestInput,
  type Instance,
  type InstanceDiff,
  type NodeCall,
  requirePermitted,
} from '@gantry/model';
import { askNode } from '../node-calls.ts';
import { guestInput, guestSpec, readAncestry } from '../operations/guest-spec.ts';
import { nextFit } from '../operations/held-hardware.ts';
import { type Call, type Handler, resolve } from './call.ts';
import { guestOf, nodeOf } from './instances.ts';
import { refOf } from './list.ts';
import { withSizeOrigins } from './size-origins.ts';

type DiffWish = Extract<NodeCall, { do: 'guest.diff' }>;

export const diffInstance: Handler<'diffInstance'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requirePermitted('diff', instance);
  const guest = await guestOf(call, instance);
  const node = await nodeOf(call, guest);
  const wish = await wishOf(call, instance, guest.spec);
  const comparison = await askNode(call.app, node, wish, call.signal);
  const { spec } = instance;
  const flavor = spec.flavor && (await call.app.store.get('flavor', spec.flavor));
  const body: InstanceDiff = {
    instance: guest.spec.instance,
    name: instance.name,
    node: guest.spec.node,
    ...comparison,
    differences: withSizeOrigins(comparison.differences, spec, spec, flavor || undefined),
  };
  return { body };
};

async function wishOf(
  { app }: Pick<Call, 'app'>,
  instance: Instance,
  binding: Parameters<typeof guestSpec>[1],
): Promise<DiffWish> {
  const ancestry = await readAncestry(app.store, instance, binding.fit.node);
  const input = guestInput(instance, ancestry);
  const flavor = instance.spec.flavor && (await app.store.get('flavor', instance.spec.flavor));
  const anew: GuestInput = {
    ...input,
    ...(flavor ? { extraSpecs: flavor.spec.extraSpecs ?? {} } : {}),
    ...(ancestry.image ? { imageProperties: ancestry.image.spec.properties ?? {} } : {}),
  };
  const same = JSON.stringify(anew) === JSON.stringify(input);
  const next = guestSpec(input, { ...binding, fit: nextFit(binding) });
  return { do: 'guest.diff', next, ...(same ? {} : { anew }) };
}
