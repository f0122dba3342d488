/** Requests about moving guests between nodes. */
import { InstanceActionBody, Ref } from './requests.ts';
import { optional, type Static, strict, Type } from './schema.ts';

export const MoveInstance = strict({
  node: optional(Ref),
  stop: optional(Type.Boolean({ description: 'stop it first if it runs, and start it again there' })),
  force: optional(Type.Boolean({ description: 'with stop: pull the plug' })),
  timeoutMs: InstanceActionBody.properties.timeoutMs,
  deadlineMs: InstanceActionBody.properties.deadlineMs,
  reason: InstanceActionBody.properties.reason,
});
export type MoveInstance = Static<typeof MoveInstance>;
