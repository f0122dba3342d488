/** Emptying a node: what is asked. */
import { InstanceActionBody } from './requests.ts';
import { optional, type Static, strict, Type } from './schema.ts';

export const EVACUATION_PARALLEL = 2;

export const EvacuateNode = strict({
  allowStop: optional(
    Type.Boolean({ description: 'stop guests that run, move them and start them again; else they stay' }),
  ),
  parallel: optional(
    Type.Integer({ minimum: 1, maximum: 16, description: `moves at a time, default ${EVACUATION_PARALLEL}` }),
  ),
  deadlineMs: InstanceActionBody.properties.deadlineMs,
  reason: InstanceActionBody.properties.reason,
});
export type EvacuateNode = Static<typeof EvacuateNode>;
