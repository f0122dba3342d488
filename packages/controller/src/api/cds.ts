/** CD drives of instances. */
import { err } from '@gantry/model';
import { beginAttachCd, beginDetachCd, beginEjectCd, beginInsertCd } from '../operations/begin-cd.ts';
import { accepted, changeable } from './begun.ts';
import type { Call, Handler } from './call.ts';

export const attachCd: Handler<'attachCd'> = async (call) => {
  const instance = await changeable(call, 'attach a CD drive to');
  return accepted(call, await beginAttachCd(call, instance, call.body), instance, 'attach a CD drive to');
};

export const detachCd: Handler<'detachCd'> = async (call) => {
  const instance = await changeable(call, 'detach a CD drive from');
  const begun = await beginDetachCd(call, instance, placeOf(call), call.query);
  return accepted(call, begun, instance, 'detach a CD drive from');
};

export const insertCd: Handler<'insertCd'> = async (call) => {
  const instance = await changeable(call, 'insert a CD into');
  const begun = await beginInsertCd(call, instance, placeOf(call), call.body);
  return accepted(call, begun, instance, 'insert a CD into');
};

export const ejectCd: Handler<'ejectCd'> = async (call) => {
  const instance = await changeable(call, 'eject a CD from');
  const begun = await beginEjectCd(call, instance, placeOf(call), call.query);
  return accepted(call, begun, instance, 'eject a CD from');
};

/** @throws GantryError `invalid_argument` */
function placeOf({ params }: Pick<Call, 'params'>): number {
  const text = params['cd'] ?? '';
  if (/^\d$/.test(text)) return Number(text);
  throw err('invalid_argument', {
    what: JSON.stringify(text.slice(0, 64)),
    wanted: 'the place of a CD drive, such as 0',
  });
}
