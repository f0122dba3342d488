/** Act: what cannot be observed afterwards (reboot, reset), posted to one node, done at most once, may end `unknown`. */
import { InstanceId, NodeId, OperationId } from '../ids.ts';
import { KeyPresses } from '../keys.ts';
import { Problem } from '../problem.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Epoch, resource } from './common.ts';

export const actKinds = [
  'guest.reboot',
  'guest.reset',
  'guest.pause',
  'guest.resume',
  'guest.nmi',
  'guest.send-key',
] as const;

export const ActSpec = strict({
  node: NodeId,
  operation: OperationId,
  step: Type.String(),
  attempt: Type.Integer({ minimum: 1 }),
  deadline: Timestamp,
  action: strict({
    kind: oneOf(actKinds),
    instance: InstanceId,
    epoch: Epoch,
    keys: optional(KeyPresses),
  }),
});
export type ActSpec = Static<typeof ActSpec>;

export const ActStatus = strict({
  state: oneOf(['posted', 'begun', 'done', 'failed', 'unknown'] as const),
  endedAt: optional(Timestamp),
  error: optional(Problem),
});
export type ActStatus = Static<typeof ActStatus>;

export const Act = resource('act', Type.String(), ActSpec, ActStatus);
export type Act = Static<typeof Act>;
