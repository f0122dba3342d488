/** What agent and controller say to each other. */
import { AnyId, ClusterId, NodeId } from './ids.ts';
import { Act, ActStatus } from './resources/act.ts';
import { Attachment, AttachmentStatus } from './resources/attachment.ts';
import { Epoch, Revision } from './resources/common.ts';
import { Guest, GuestStatus } from './resources/guest.ts';
import { NodeStatus } from './resources/node.ts';
import { LogLine } from './resources/operation.ts';
import { Replica, ReplicaStatus } from './resources/replica.ts';
import { oneOf, optional, type Static, strict, type TSchema, Type } from './schema.ts';

/** All that one node shall be, at one revision of the store. The agent keeps it on disk. */
export const Assignments = strict({
  revision: Revision,
  term: Epoch,
  cluster: ClusterId,
  node: NodeId,
  /** The only node: the agent may start guests from its own record, without the controller’s word in this boot. */
  singleNode: Type.Boolean(),
  guests: Type.Array(Guest),
  replicas: Type.Array(Replica),
  attachments: Type.Array(Attachment),
  acts: Type.Array(Act),
});
export type Assignments = Static<typeof Assignments>;

const of = <K extends string, S extends TSchema>(kind: K, status: S) =>
  strict({ kind: Type.Literal(kind), id: AnyId, generation: Type.Integer({ minimum: 1 }), status });

export const StatusReport = Type.Union([
  of('guest', GuestStatus),
  of('replica', ReplicaStatus),
  of('attachment', AttachmentStatus),
  of('act', ActStatus),
]);
export type StatusReport = Static<typeof StatusReport>;

export const NodeEvent = strict({
  type: Type.String(),
  level: oneOf(['info', 'warn', 'error'] as const),
  instance: optional(AnyId),
  message: Type.String({ maxLength: 2048 }),
});
export type NodeEvent = Static<typeof NodeEvent>;

/** Which machine asks in a node’s name: a copy of its disk has the same certificate. */
export const Speaker = strict({
  machine: optional(Type.String({ pattern: '^[0-9a-f]{32}$', description: '/etc/machine-id' })),
  boot: optional(Type.String({ maxLength: 64, description: 'boot id of its kernel' })),
});
export type Speaker = Static<typeof Speaker>;

/** A report is numbered (boot id, sequence): older or repeated ones are dropped, so it may be sent any number of times. */
export const Report = strict({
  bootId: Type.String({ maxLength: 64, description: 'of the node’s kernel' }),
  machine: Speaker.properties.machine,
  /** Rises with every start of the agent in this boot. */
  run: Type.Integer({ minimum: 0 }),
  sequence: Type.Integer({ minimum: 0 }),
  term: optional(Epoch),
  node: optional(NodeStatus),
  statuses: Type.Array(StatusReport),
  log: optional(Type.Array(strict({ operation: AnyId, lines: Type.Array(LogLine) }))),
  events: optional(Type.Array(NodeEvent)),
});
export type Report = Static<typeof Report>;

export const ReportAnswer = strict({
  accepted: Type.Boolean(),
  term: Epoch,
  latest: optional(
    strict(
      { run: Type.Integer(), sequence: Type.Integer() },
      {
        description:
          'with accepted=false: the newest report known of this boot; an agent without memory goes on above it',
      },
    ),
  ),
});
export type ReportAnswer = Static<typeof ReportAnswer>;

/** A byte stream that the controller asks the agent to open over the agent’s own outgoing connection. */
export const TunnelRequest = strict({
  tunnel: AnyId,
  what: Type.Union([
    strict({ kind: Type.Literal('console'), instance: AnyId }),
    strict({ kind: Type.Literal('vnc'), instance: AnyId }),
    strict({
      kind: Type.Literal('log'),
      instance: AnyId,
      follow: Type.Boolean(),
      tailBytes: Type.Integer({ minimum: 0, maximum: 64 * 2 ** 20 }),
    }),
    /** A `NodeCall` follows as the first line, and its `NodeReply` comes back. */
    strict({ kind: Type.Literal('call') }),
    /** A `NodeCommand` follows as the first line, and lines of `CommandOutput` come back. */
    strict({ kind: Type.Literal('command') }),
  ]),
});
export type TunnelRequest = Static<typeof TunnelRequest>;
