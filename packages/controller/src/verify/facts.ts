/** What the checks look at: the store, and what each node finds on itself. */
import {
  type Attachment,
  type Cluster,
  type Disk,
  type Finding,
  type Group,
  type Guest,
  type Image,
  type Instance,
  type Network,
  type Node,
  type NodeLook,
  type Operation,
  operationEnded,
  type Replica,
} from '@gantry/model';
import type { App } from '../api/call.ts';
import { withGauges } from '../gauges.ts';
import type { Kind, Kinds } from '../kinds.ts';
import { address6Space, addressSpace, MAC_SPACE } from '../objects.ts';
import type { Claim } from '../store/batch.ts';
import { parseRevision } from '../store/revision.ts';
import { type Looked, lookAtAll } from './looks.ts';

export interface Facts {
  nowMs: number;
  version: string;
  cluster: Cluster;
  groups: Group[];
  nodes: Node[];
  instances: Instance[];
  guests: Guest[];
  disks: Disk[];
  replicas: Replica[];
  images: Image[];
  /** SHA-256 of contents that images have and the controller has not. */
  lost: ReadonlySet<string>;
  networks: Network[];
  attachments: Attachment[];
  operations: Operation[];
  claims: Claim[];
  /** Of the controller itself; none where it listens on its own machine only. */
  certificates: NodeLook['certificates'];
  /** By node; who did not answer is missing. */
  looks: ReadonlyMap<string, Looked>;
  /** Ids that changed while the nodes were asked, or that an operation works on: what is found of them may be half of a change. */
  moving: ReadonlySet<string>;
}

export type Found = Omit<Finding, 'check'>;
export type Check = (facts: Facts) => Found[];

export const about = (
  severity: Finding['severity'],
  { kind, name }: { kind: string; name: string },
  message: string,
  remedy: string,
): Found => ({ severity, kind, name, message, remedy });

/** Changes made meanwhile that are looked at; with more of them everything counts as moving. */
const MOST_CHANGES = 100_000;

export async function gather(app: App, version: string, signal: AbortSignal): Promise<Facts> {
  const before = parseRevision(await app.store.revision()).number;
  const nodes = await Promise.all((await all(app, 'node')).map((node) => withGauges(app.store, node)));
  const looks = await lookAtAll(
    app,
    nodes.filter(({ spec }) => spec.role !== 'offline'),
    signal,
  );
  const [[cluster], groups, instances, guests, disks, replicas, images, networks, attachments, operations] =
    await Promise.all([
      all(app, 'cluster'),
      all(app, 'group'),
      all(app, 'instance'),
      all(app, 'guest'),
      all(app, 'disk'),
      all(app, 'replica'),
      all(app, 'image'),
      all(app, 'network'),
      all(app, 'attachment'),
      all(app, 'operation'),
    ]);
  if (!cluster) throw new Error('a store without a cluster');
  const changes = await app.store.changesAfter(before, MOST_CHANGES);
  const moving = new Set<string>();
  for (const { meta } of changes) for (const id of [meta.id, meta.owner]) if (id) moving.add(id);
  for (const { spec, status } of operations) if (!operationEnded(status.state)) moving.add(spec.target.id);
  return {
    nowMs: app.env.clock.now(),
    ...{ version, cluster, groups, nodes, instances, guests, disks, replicas, images },
    ...{ networks, attachments, operations },
    lost: await lostContents(app, images),
    certificates: app.remote?.certificates() ?? [],
    claims: await claimsOf(app, networks),
    looks,
    moving,
  };
}

const all = async <K extends Kind>(app: App, kind: K): Promise<Kinds[K][]> =>
  (await app.store.list(kind)).items;

async function claimsOf(app: App, networks: readonly Network[]): Promise<Claim[]> {
  const spaces = [MAC_SPACE, ...networks.flatMap(({ id }) => [addressSpace(id), address6Space(id)])];
  return (await Promise.all(spaces.map((space) => app.store.claims(space)))).flat();
}

async function lostContents({ images }: App, all: readonly Image[]): Promise<ReadonlySet<string>> {
  const wanted = new Set(
    all.flatMap(({ status }) => (status.state === 'ready' ? (status.sha256 ?? []) : [])),
  );
  const lost = new Set<string>();
  for (const sha256 of wanted) if (!(await images.has(sha256))) lost.add(sha256);
  return lost;
}
