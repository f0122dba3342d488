/** How a machine becomes a node: what an administrator asks for, and what the machine and the controller say to each other. */
import { ClusterId, Name, NodeId } from './ids.ts';
import { Ref } from './requests.ts';
import { Node } from './resources/node.ts';
import { optional, type Static, strict, Timestamp, Type } from './schema.ts';

const HOUR_MS = 3_600_000;
/** How long a join token is good for, unless said otherwise. */
export const JOIN_TTL_MS = HOUR_MS;

export const AddNode = strict({
  name: Name,
  group: optional(Ref),
  ttlMs: optional(
    Type.Integer({
      minimum: 60_000,
      maximum: 7 * 24 * HOUR_MS,
      description: 'validity of the token, ms; default an hour',
    }),
  ),
});
export type AddNode = Static<typeof AddNode>;

/** What must be run on the new machine. The secret is in this answer and nowhere else. */
export const NodeAdded = strict({
  node: Node,
  secret: Type.String(),
  expiresAt: Timestamp,
  /** Where the controller is reached from afar: `https://HOST:PORT`. */
  url: Type.String(),
  caSha256: Type.String({ description: 'of the CA’s certificate as it is served, hex' }),
});
export type NodeAdded = Static<typeof NodeAdded>;

const Pem = Type.String({ maxLength: 16_384, pattern: '^-----BEGIN [A-Z0-9 ]+-----\\s[\\sA-Za-z0-9+/=-]+$' });

/** Signing requests. Only their public keys count: what a certificate says is decided by the controller. */
export const SigningRequests = strict({
  agent: Type.Unsafe<string>(Pem),
  host: Type.Unsafe<string>({ ...Pem, description: 'RSA, for libvirt and QEMU' }),
});
export type SigningRequests = Static<typeof SigningRequests>;

export const JoinNode = strict({
  name: Name,
  machine: Type.String({
    pattern: '^[0-9a-f]{32}$',
    description: '/etc/machine-id: no two nodes may have the same',
  }),
  requests: SigningRequests,
});
export type JoinNode = Static<typeof JoinNode>;

export const RenewCertificates = strict({ requests: SigningRequests });
export type RenewCertificates = Static<typeof RenewCertificates>;

export const Revocations = strict({
  crl: Type.String({ description: 'PEM; of nodes that were removed, signed by the CA' }),
});
export type Revocations = Static<typeof Revocations>;

export const NodeCertificates = strict({
  cluster: ClusterId,
  node: NodeId,
  ca: Type.String({ description: 'PEM' }),
  agent: Type.String({ description: 'PEM; proves to the controller which node speaks' }),
  host: Type.String({ description: 'PEM; for libvirt and QEMU, as server and as client' }),
});
export type NodeCertificates = Static<typeof NodeCertificates>;
