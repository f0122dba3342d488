import { AnyId, Name, NodeId, TokenId, UserId } from '../ids.ts';
import { line, oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';

/** Who asked for what, and what came of it. Never with secrets: bodies are not kept. */
export const Audit = strict({
  route: optional(line(64, 'as /openapi.json names it')),
  user: optional(UserId),
  token: optional(strict({ id: TokenId, name: Name })),
  node: optional(NodeId),
  from: optional(line(64, 'address of the machine that asked, or `unix socket`')),
  result: line(
    64,
    '`done`, `accepted` (an operation goes on), how the operation ended, or the code of the refusal',
  ),
  operation: optional(Type.Integer({ minimum: 1, description: 'number of the operation' })),
});
export type Audit = Static<typeof Audit>;

export const eventLevels = ['info', 'warn', 'error'] as const;

/** Something that happened: to a guest, by a node, or by a user (audit). Append-only, without revision. */
export const Event = strict({
  number: Type.Integer({ minimum: 1 }),
  at: Timestamp,
  type: Type.String({
    pattern: '^[a-z]+([.-][a-z]+)*$',
    description: 'guest.crashed, api.create-instance, operation.succeeded, node.joined, ...',
  }),
  level: oneOf(eventLevels),
  subject: optional(strict({ kind: Type.String(), id: AnyId, name: Type.String() })),
  actor: optional(Type.String({ description: 'user, token or node that caused it' })),
  message: Type.String(),
  requestId: optional(Type.String()),
  audit: optional(Audit),
});
export type Event = Static<typeof Event>;
