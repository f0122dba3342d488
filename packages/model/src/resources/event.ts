import { AnyId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';

/** Something that happened: to a guest, by a node, or by a user (audit). Append-only, without revision. */
export const Event = strict({
  number: Type.Integer({ minimum: 1 }),
  at: Timestamp,
  type: Type.String({
    pattern: '^[a-z]+([.-][a-z]+)*$',
    description: 'guest.crashed, api.instance.create, node.joined, ...',
  }),
  level: oneOf(['info', 'warn', 'error'] as const),
  subject: optional(strict({ kind: Type.String(), id: AnyId, name: Type.String() })),
  actor: optional(Type.String({ description: 'token or node that caused it' })),
  message: Type.String(),
  requestId: optional(Type.String()),
});
export type Event = Static<typeof Event>;
