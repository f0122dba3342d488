/** What goes with a cluster, and what stands against its end. Pure but for the asking. */
import type { Client } from '@gantry/client';
import { err, formatBytes, type Instance, type Node } from '@gantry/model';
import { everyItem } from '../../commands/pages.ts';
import { type Entry, entries } from '../../output/describe.ts';

export interface Losses {
  cluster: { id: string; name: string };
  instances: {
    name: string;
    id: string;
    state: Instance['status']['state'];
    node?: string;
    /** What is under way with it. */
    operation?: string;
    /** Deletion is refused: `protected` or `locked`. */
    kept?: 'protected' | 'locked';
    /** Its disks are not Gantry's, and stay. */
    imported?: true;
  }[];
  disks: { count: number; bytes: number };
  /** Uploaded ones; others are made from mirrors. */
  images: { name: string; bytes: number }[];
  networks: string[];
  nodes: { name: string; state: Node['status']['state'] | 'offline'; drained?: true }[];
}

export async function lossesOf(client: Client): Promise<Losses> {
  const [{ id, name }, instances, disks, images, networks, nodes] = await Promise.all([
    client.call('getCluster', {}),
    everyItem(client, 'listInstances'),
    everyItem(client, 'listDisks'),
    everyItem(client, 'listImages'),
    everyItem(client, 'listNetworks'),
    everyItem(client, 'listNodes'),
  ]);
  const names = new Map<string, string>(nodes.map((node) => [node.id, node.name]));
  const uploaded = images.filter(({ spec }) => spec.source === 'file');
  return {
    cluster: { id, name },
    instances: instances.map((one) => instanceOf(one, names.get(one.status.node ?? ''))),
    disks: { count: disks.length, bytes: disks.reduce((sum, { spec }) => sum + spec.sizeBytes, 0) },
    images: uploaded.map((image) => ({ name: image.name, bytes: image.status.sizeBytes ?? 0 })),
    networks: networks.map((network) => network.name),
    nodes: nodes.map(({ name: node, spec, status }) => ({
      name: node,
      state: spec.role === 'offline' ? 'offline' : status.state,
      ...(spec.role === 'drained' ? { drained: true } : {}),
    })),
  };
}

function instanceOf(
  { name, id, spec, status }: Instance,
  node: string | undefined,
): Losses['instances'][number] {
  const kept = spec.protected ? 'protected' : spec.locked ? 'locked' : undefined;
  return {
    ...{ name, id, state: status.state },
    ...(node ? { node } : {}),
    ...(status.operation ? { operation: status.operation } : {}),
    ...(kept ? { kept } : {}),
    ...(spec.adopted ? { imported: true } : {}),
  };
}

export interface Consent {
  /** Guests that are up may be stopped. */
  stopGuests: boolean;
  /** Nodes that cannot be reached, and may keep what they have. */
  leaveBehind: readonly string[];
}

const down: ReadonlySet<string> = new Set(['stopped', 'failed', 'crashed', 'suspended', 'deleting']);

/** Nodes that no word of the cluster comes to. One that never joined has nothing. */
export const silentNodes = ({ nodes }: Losses): string[] =>
  nodes.filter(({ state }) => state === 'lost' || state === 'offline').map(({ name }) => name);

/** Those that the cluster itself can delete. */
export const inReach = (losses: Losses): Losses['instances'] => {
  const silent = new Set(silentNodes(losses));
  return losses.instances.filter(({ node }) => node === undefined || !silent.has(node));
};

const up = (losses: Losses) => inReach(losses).filter(({ state }) => !down.has(state));

/** @throws GantryError `nodes_silent`, `guests_up`, `in_use`: nothing was changed */
export function requireConsent(losses: Losses, { stopGuests, leaveBehind }: Consent): void {
  const known = losses.nodes.map(({ name }) => name);
  const unknown = leaveBehind.find((name) => !known.includes(name));
  if (unknown !== undefined) throw err('not_found', { kind: 'node', name: unknown });
  const reached = leaveBehind.find((name) => !silentNodes(losses).includes(name));
  if (reached !== undefined)
    throw err('invalid_argument', {
      what: `--leave-behind ${reached}`,
      wanted: 'a node that cannot be reached: this one can be, and is cleared',
    });
  const { name } = losses.cluster;
  const silent = silentNodes(losses).filter((node) => !leaveBehind.includes(node));
  if (silent.length > 0) throw err('nodes_silent', { nodes: few(silent), node: silent[0] ?? '' });
  const kept = inReach(losses).filter(({ kept: why }) => why);
  if (kept.length > 0)
    throw err('in_use', {
      ...{ kind: 'cluster', name },
      users: few(kept.map((one) => `${one.name} (${one.kept})`)),
    });
  const running = up(losses).map((one) => one.name);
  if (running.length > 0 && !stopGuests) throw err('guests_up', { name, guests: few(running) });
}

const few = (names: readonly string[]): string =>
  names.length > 8 ? `${names.slice(0, 8).join(', ')} and ${names.length - 8} more` : names.join(', ');

/** For people, before they are asked. */
export function lossesText(losses: Losses): string {
  const { cluster, disks, images, networks, nodes } = losses;
  const silent = silentNodes(losses);
  const rows: Entry[] = [
    ['cluster', `${cluster.name} (${cluster.id})`],
    ...instanceRows(losses),
    ['disks', disks.count === 0 ? 'none' : `${disks.count}, ${formatBytes(disks.bytes)}`],
    [
      'images',
      images.length === 0 ? 'none' : few(images.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`)),
    ],
    ['networks', few(networks) || 'none'],
    ['nodes', few(nodes.filter(({ name }) => !silent.includes(name)).map(({ name }) => name)) || 'none'],
    ...silent.map((name): Entry => ['not reached', leftBehindText(name, losses)]),
  ];
  return `What is lost:\n${entries(rows, '  ')}`;
}

function instanceRows(losses: Losses): Entry[] {
  const running = up(losses);
  const rest = inReach(losses).filter((one) => !running.includes(one));
  const list = (all: Losses['instances']) =>
    all.length === 0
      ? 'none'
      : `${all.length}: ${few(all.map(({ name, imported }) => (imported ? `${name} (imported: its disks stay)` : name)))}`;
  return [
    ['running', list(running)],
    ['stopped', list(rest)],
  ];
}

/** What becomes of a node that is not told. */
export function leftBehindText(name: string, { instances }: Losses): string {
  const there = instances.filter(({ node }) => node === name).map((one) => one.name);
  const what =
    there.length > 0 ? `${few(there)} and their disks stay there` : 'what it has of Gantry stays there';
  return `${name}: ${what}, until somebody runs on it: gantry node leave --cluster-gone`;
}
