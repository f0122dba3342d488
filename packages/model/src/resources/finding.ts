/** What `cluster verify` asks of a node, and what it finds. */
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Epoch } from './common.ts';

const many = 65_536;
const text = Type.String({ maxLength: 4096 });

/** A node as its agent finds it at this moment, compared with nothing. */
export const NodeLook = strict({
  at: Timestamp,
  agentVersion: text,
  libvirt: Type.Boolean({ description: 'it answers; without it the domains are not known' }),
  domains: Type.Array(
    strict({
      uuid: text,
      name: text,
      alive: Type.Boolean({ description: 'QEMU runs, paused or not' }),
      ours: optional(strict({ cluster: text, instance: text, epoch: Epoch })),
    }),
    { maxItems: many },
  ),
  disks: Type.Array(
    strict({
      disk: text,
      state: oneOf(['creating', 'ready'] as const),
      path: text,
      operation: optional(text),
    }),
    { maxItems: many },
  ),
  bases: Type.Array(strict({ sha256: text, path: text }), { maxItems: many }),
  networks: Type.Array(strict({ network: text, bridge: text, ready: Type.Boolean(), why: optional(text) }), {
    maxItems: many,
  }),
  filters: Type.Array(text, { maxItems: many, description: 'instances whose frames are filtered' }),
  certificates: Type.Array(strict({ what: text, until: Timestamp }), { maxItems: 64 }),
  system: optional(strict({ id: text, version: text }, { description: 'of /etc/os-release' })),
});
export type NodeLook = Static<typeof NodeLook>;

export const checkNames = [
  'nodes',
  'clocks',
  'versions',
  'certificates',
  'guests',
  'domains',
  'disks',
  'networks',
  'filters',
  'addresses',
  'operations',
  'capacity',
] as const;
export type CheckName = (typeof checkNames)[number];

/** Something that should hold and does not. */
export const Finding = strict({
  check: oneOf(checkNames),
  severity: oneOf(
    ['error', 'warning'] as const,
    '`error`: something is broken; `warning`: something will be',
  ),
  kind: Type.String({ description: 'of what it is about' }),
  name: Type.String(),
  message: Type.String(),
  remedy: Type.String({ description: 'what to do about it' }),
});
export type Finding = Static<typeof Finding>;

export const Verified = strict({
  at: Timestamp,
  checks: Type.Array(oneOf(checkNames), { description: 'that were made' }),
  nodes: Type.Array(Type.String(), { description: 'that were asked and answered' }),
  silent: Type.Array(Type.String(), { description: 'that did not answer: what lies there was not verified' }),
  findings: Type.Array(Finding),
});
export type Verified = Static<typeof Verified>;
