import { AnyId } from '../ids.ts';
import { Problem } from '../problem.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Milliseconds } from '../units.ts';
import { resource } from './common.ts';

export const operationKinds = [
  'instance.create',
  'instance.delete',
  'instance.start',
  'instance.stop',
  'instance.reboot',
  'instance.reset',
  'instance.pause',
  'instance.resume',
  'instance.suspend',
  'instance.reinstall',
  'instance.rescue',
  'instance.unrescue',
  'instance.clone',
  'instance.nmi',
  'instance.send-key',
  'disk.attach',
  'disk.detach',
  'disk.set',
  'disk.grow',
  'instance.move',
  'nic.attach',
  'nic.detach',
  'nic.set',
  'cd.attach',
  'cd.detach',
  'cd.insert',
  'cd.eject',
  'instance.set',
  'instance.resize',
  'instance.import',
  'instance.release',
  'node.evacuate',
  'cluster.balance',
] as const;
export type OperationKind = (typeof operationKinds)[number];

export const Step = strict({
  name: Type.String(),
  /** Of a step that is about one of several things: its id, as names are unique in a project only. */
  about: optional(AnyId),
  state: oneOf(['waiting', 'running', 'done', 'failed', 'skipped'] as const),
  detail: optional(Type.String()),
  startedAt: optional(Timestamp),
  endedAt: optional(Timestamp),
});
export type Step = Static<typeof Step>;

export const OperationSpec = strict({
  number: Type.Integer({ minimum: 1, description: 'short number for people' }),
  kind: oneOf(operationKinds),
  target: strict({ kind: Type.String(), id: AnyId, name: Type.String() }),
  requester: Type.String({ description: 'name of the token' }),
  reason: optional(Type.String({ maxLength: 255 })),
  deadline: Timestamp,
  deadlineMs: Milliseconds('length of the deadline'),
  input: Type.Record(Type.String(), Type.Unknown(), { description: 'what was asked, by kind' }),
  cancelRequested: optional(strict({ by: Type.String(), at: Timestamp })),
});
export type OperationSpec = Static<typeof OperationSpec>;

export const operationStates = ['running', 'cleaning', 'succeeded', 'failed', 'cancelled'] as const;

export const OperationStatus = strict({
  state: oneOf(operationStates, '`cleaning`: failed or cancelled, taking back what it made'),
  steps: Type.Array(Step),
  attempts: Type.Integer({ minimum: 0 }),
  error: optional(Problem),
  result: optional(Type.Record(Type.String(), Type.Unknown())),
  endedAt: optional(Timestamp),
});
export type OperationStatus = Static<typeof OperationStatus>;

/** What a user asked for once. Survives any restart. */
export const Operation = resource('operation', Type.String(), OperationSpec, OperationStatus);
export type Operation = Static<typeof Operation>;

export const operationEnded = (state: OperationStatus['state']): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';

export const LogLine = strict({
  at: Timestamp,
  level: oneOf(['info', 'warn', 'error', 'output'] as const),
  text: Type.String(),
});
export type LogLine = Static<typeof LogLine>;
