/** What emptying a node would mean for each of its guests, before anything is done. */
import { InstanceId, NodeId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { MiB } from '../units.ts';
import { instanceStates } from './instance.ts';

export const drainWays = ['stop', 'move', 'blocked'] as const;

export const DrainStep = strict({
  instance: InstanceId,
  name: Type.String(),
  state: oneOf(instanceStates),
  way: oneOf(
    drainWays,
    'stop: it must be shut down to be moved, and is started again; move: it is down and could be moved; blocked: it cannot leave',
  ),
  to: optional(Type.String({ description: 'node that has room for it, beside those before it' })),
  diskMiB: MiB('of its disks, which would be copied'),
  why: Type.String(),
  remedy: optional(Type.String({ description: 'of one that is blocked: what lets it go' })),
});
export type DrainStep = Static<typeof DrainStep>;

export const DrainPlan = strict({
  node: NodeId,
  name: Type.String(),
  role: Type.String({ description: 'as it is now' }),
  steps: Type.Array(DrainStep, { description: 'largest memory first' }),
});
export type DrainPlan = Static<typeof DrainPlan>;
