/** What the checks look at: the store, and what each node finds on itself. */
import {
  type Attachment,
  type Cluster,
  type Disk,
  type Finding,
  type Guest,
  type Instance,
  type Network,
  type Node,
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
  nodes: Node[];
  instances: Instance[];
  guests: Guest[];
  disks: Disk[];
  replicas: Replica[];
  networks: Network[];
  attachments: Attachment[];
  operations: Operation[];
  claims: Claim[];
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
  const [[cluster], instances, guests, disks, replicas, networks, attachments, operations] =
    await Promise.all([
      all(app, 'cluster'),
      all(app, 'instance'),
      all(app, 'guest'),
      all(app, 'disk'),
      all(app, 'replica'),
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
    ...{ version, cluster, nodes, instances, guests, disks, replicas, networks, attachments, operations },
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
