/** NICs of instances. */
import { err } from '@gantry/model';
import { beginAttachNic, beginDetachNic } from '../operations/begin-nic.ts';
import { beginSetNic } from '../operations/set-nic.ts';
import { accepted, changeable } from './begun.ts';
import type { Call, Handler } from './call.ts';

export const attachNic: Handler<'attachNic'> = async (call) => {
  const instance = await changeable(call, 'attach a NIC to');
  return accepted(call, await beginAttachNic(call, instance, call.body), instance, 'attach a NIC to');
};

export const detachNic: Handler<'detachNic'> = async (call) => {
  const instance = await changeable(call, 'detach a NIC from');
  const begun = await beginDetachNic(call, instance, placeOf(call), call.query);
  return accepted(call, begun, instance, 'detach a NIC from');
};

export const setNic: Handler<'setNic'> = async (call) => {
  const instance = await changeable(call, 'set a NIC of');
  const begun = await beginSetNic(call, instance, placeOf(call), call.body);
  return accepted(call, begun, instance, 'set a NIC of');
};

/** @throws GantryError `invalid_argument` */
function placeOf({ params }: Pick<Call, 'params'>): number {
  const text = params['nic'] ?? '';
  if (/^\d{1,2}$/.test(text)) return Number(text);
  throw err('invalid_argument', {
    what: JSON.stringify(text.slice(0, 64)),
    wanted: 'the place of a NIC, such as 0',
  });
}
