/** One disk on its way from node to node. The ticket is the controller's: good for this disk, this way, once. */
import { DiskId, InstanceId, Name, NodeId, OperationId } from '../ids.ts';
import { optional, type Static, strict, Type } from '../schema.ts';

/** Where a node takes disks from other nodes: TLS, certificates of the cluster's authority on both sides. */
export const TransferPort = strict({
  address: Type.String({ maxLength: 64, description: 'address of the node' }),
  port: Type.Integer({ minimum: 1, maximum: 65535 }),
});
export type TransferPort = Static<typeof TransferPort>;

const guest = optional(
  Type.Unsafe<InstanceId>({
    ...InstanceId,
    description: 'its own files go along with this disk: UEFI variables, the machine that it knows',
  }),
);

/** At the source: to whom the disk is sent, and what lets it in there. */
export const DiskSend = strict({
  to: NodeId,
  name: Name,
  at: TransferPort,
  ticket: Type.String({ minLength: 32, maxLength: 128 }),
  operation: OperationId,
  guest,
  as: optional(
    Type.Unsafe<DiskId>({ ...DiskId, description: 'it is a copy, which has an id of its own there' }),
  ),
});
export type DiskSend = Static<typeof DiskSend>;

/** At the target: from whom the disk is taken, instead of being made anew. */
export const DiskReceive = strict({
  from: NodeId,
  ticketSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  guest,
});
export type DiskReceive = Static<typeof DiskReceive>;
