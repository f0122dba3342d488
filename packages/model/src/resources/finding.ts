/** What `cluster verify` asks of a node, and what it finds. */
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Bytes } from '../units.ts';
import { Epoch } from './common.ts';

const many = 65_536;
const said = (description: string) => Type.String({ maxLength: 4096, description });
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
      lacks: optional(said('the base that it stands on and that is not there')),
    }),
    { maxItems: many },
  ),
  bases: Type.Array(
    strict({
      sha256: text,
      path: text,
      users: optional(Type.Array(text, { maxItems: many, description: 'disks that stand on it' })),
    }),
    { maxItems: many },
  ),
  storages: optional(
    Type.Array(
      strict({
        name: text,
        path: text,
        totalBytes: Bytes('size of the file system'),
        freeBytes: Bytes('free for us'),
        fault: optional(said('why what lies there is not the storage')),
      }),
      { maxItems: 64 },
    ),
  ),
  networks: Type.Array(
    strict({
      network: text,
      bridge: text,
      ready: Type.Boolean(),
      why: optional(text),
      ports: optional(Type.Array(text, { maxItems: many, description: 'taps on the bridge' })),
    }),
    { maxItems: many },
  ),
  filters: Type.Array(text, { maxItems: many, description: 'instances whose frames are filtered' }),
  taps: optional(
    Type.Array(text, { maxItems: many, description: 'taps whose filter stands whole, in the kernel now' }),
  ),
  certificates: Type.Array(strict({ what: text, until: Timestamp }), { maxItems: 64 }),
  system: optional(
    strict(
      {
        id: text,
        version: text,
        supportEnds: optional(said('a day, by distro-info-data of the node')),
      },
      { description: 'of /etc/os-release' },
    ),
  ),
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
  'images',
  'storages',
  'networks',
  'filters',
  'addresses',
  'cpus',
  'operations',
  'capacity',
  'failover',
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
