/** Making a live cluster even: what is asked, and what would be done. */
import { AnyId, InstanceId } from './ids.ts';
import { InstanceActionBody, Ref } from './requests.ts';
import { instanceStates } from './resources/instance.ts';
import { oneOf, optional, type Static, strict, Type } from './schema.ts';
import { Bytes } from './units.ts';

/** What a move must lower the score by unless said otherwise: as for hbal. */
export const BALANCE_MIN_GAIN = 0.01;

export const BalanceCluster = strict({
  group: optional(Ref),
  maxMoves: optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'at most so many moves' })),
  maxBytes: optional(Bytes('most that is copied, all moves together', 1)),
  minGain: optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1e6,
      description: `what each move must lower the score by, default ${BALANCE_MIN_GAIN}`,
    }),
  ),
  stop: optional(
    Type.Boolean({ description: 'stop guests that run, move them and start them again; else they stay' }),
  ),
  deadlineMs: InstanceActionBody.properties.deadlineMs,
  reason: InstanceActionBody.properties.reason,
});
export type BalanceCluster = Static<typeof BalanceCluster>;

export const BalanceMove = strict({
  instance: InstanceId,
  name: Type.String(),
  project: optional(AnyId),
  state: oneOf(instanceStates),
  group: Type.String({ description: 'name' }),
  from: Type.String({ description: 'name of the node' }),
  to: Type.String({ description: 'name of the node' }),
  way: oneOf(['stop', 'move'] as const, 'stop: stopped, moved, started again; move: it is down'),
  bytes: Bytes('of its disks, which are copied'),
  score: Type.Number({ description: 'of the group, after it' }),
  gain: Type.Number({ description: 'by which it lowers the score' }),
});
export type BalanceMove = Static<typeof BalanceMove>;

export const BalanceHeld = strict({
  instance: InstanceId,
  name: Type.String(),
  node: Type.String({ description: 'name of the node on which it stays' }),
  to: Type.String({ description: 'name of the node to which it would go' }),
  gain: Type.Number({ description: 'by which that would lower the score' }),
  why: Type.String({ description: 'why it stays' }),
});
export type BalanceHeld = Static<typeof BalanceHeld>;

export const BalancePlan = strict({
  group: optional(Type.String({ description: 'name, where it is about one' })),
  score: strict({ before: Type.Number(), after: Type.Number() }, { description: 'lower is better' }),
  parts: Type.Array(strict({ name: Type.String(), before: Type.Number(), after: Type.Number() }), {
    description: 'of the score, weighted; those that are not 0',
  }),
  moves: Type.Array(BalanceMove, { description: 'in the order in which each is possible' }),
  bytes: Bytes('copied by all of them'),
  held: Type.Array(BalanceHeld, { description: 'guests that would lower the score, and stay' }),
});
export type BalancePlan = Static<typeof BalancePlan>;
