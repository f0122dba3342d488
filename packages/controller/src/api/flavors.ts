import { checkExtraSpecs } from '@gantry/guest';
import { FlavorSpec, validate } from '@gantry/model';
import { requireRoom } from '../operations/room.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { getReply, listReply, refOf } from './list.ts';
import { createNamed, deleteNamed, patchMap } from './named.ts';

export const listFlavors: Handler<'listFlavors'> = (call) => listReply(call, 'flavor');
export const getFlavor: Handler<'getFlavor'> = (call) => getReply(call, 'flavor');

export const createFlavor: Handler<'createFlavor'> = async (call) => {
  const { name, labels, spec } = call.body;
  checkExtraSpecs(spec.extraSpecs ?? {});
  requireRoom(spec);
  return createNamed(call, 'flavor', {
    name,
    labels,
    spec,
    status: {},
  });
};

/** Instances keep the extra specs that they were made with. */
export const setFlavor: Handler<'setFlavor'> = async (call) => {
  const flavor = await resolve(call, 'flavor', refOf(call));
  requireMatch(call, flavor);
  const extraSpecs = patchMap(flavor.spec.extraSpecs, call.body.extraSpecs);
  checkExtraSpecs(extraSpecs);
  const changed = withSpec(flavor, validate(FlavorSpec, { ...flavor.spec, extraSpecs }));
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set extra specs of flavor ${flavor.name}: ${Object.keys(call.body.extraSpecs).join(', ')}`;
  return resourceReply(committed(await call.commit(draft, { subject: flavor, message }), changed));
};

/** Instances made from it keep their own copy. */
export const deleteFlavor: Handler<'deleteFlavor'> = async (call) =>
  deleteNamed(call, await resolve(call, 'flavor', refOf(call)));
