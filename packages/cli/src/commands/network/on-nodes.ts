/** How a network is on its nodes: as they say now, or as soon as each has said what became of the last change. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attachment, Network, Node } from '@gantry/model';
import { section, subTable } from '../../output/describe.ts';
import type { Session } from '../../session.ts';
import { everyItem } from '../pages.ts';

type Client = Session['client'];

/** Longer than new wiring is on trial (15 s). */
const PATIENCE_MS = 20_000;
const EVERY_MS = 200;

const attachmentsOf = async (client: Client, { id }: Network): Promise<readonly Attachment[]> =>
  (await client.call('listNetworkNodes', { params: { ref: id } })).items;

/** One line a node; what failed says why. */
export async function nodesSection(client: Client, network: Network): Promise<string> {
  const [attachments, nodes] = await Promise.all([
    attachmentsOf(client, network),
    everyItem(client, 'listNodes'),
  ]);
  return section('Nodes', nodesTable(attachments, nodes));
}

const nodesTable = (attachments: readonly Attachment[], nodes: readonly Node[]): string =>
  subTable(
    ['NODE', 'STATE', 'REASON'],
    attachments
      .map(({ spec, status }) => [
        nodes.find(({ id }) => id === spec.node)?.name ?? spec.node,
        stateOf(spec, status),
        status.error?.title ?? '',
      ])
      .toSorted(([a = ''], [b = '']) => a.localeCompare(b)),
  );

const stateOf = ({ desired }: Attachment['spec'], { state }: Attachment['status']): string =>
  desired === 'absent' && state !== 'absent' ? 'to be removed' : state;

/**
 * Waits for the word of each node that is there to say one, and tells on stderr of those that do not have the network. The
 * network is as it was asked for all the same: such a node tries again by itself.
 */
export async function tellOfNodes(session: Session, network: Network): Promise<void> {
  // NAT is made on a node with its first instance
  if (network.spec.mode === 'nat') return;
  const { client } = session;
  const nodes = (await everyItem(client, 'listNodes')).filter((node) => isConcerned(node, network));
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const attachments = await attachmentsOf(client, network);
    const said = (node: Node) =>
      attachments.find((one) => one.spec.node === node.id && hasSaid(one, network));
    const open = nodes.filter((node) => !said(node));
    if (open.length > 0 && performance.now() < endMs) {
      await sleep(EVERY_MS);
      continue;
    }
    for (const node of nodes) {
      const { error, state } = said(node)?.status ?? {};
      if (error) session.note(`warning: ${network.name} on node ${node.name}: ${error.title}`);
      else if (state === undefined)
        session.note(`warning: node ${node.name} has not said yet how it is there`);
    }
    return;
  }
}

const isConcerned = ({ spec, status }: Node, network: Network): boolean =>
  status.state === 'ready' && (network.spec.groups?.includes(spec.group) ?? true);

/** Of this network as it is now, not as it was before. */
const hasSaid = ({ spec, status, generation, observedGeneration }: Attachment, network: Network): boolean =>
  status.state !== 'pending' &&
  observedGeneration === generation &&
  (['mode', 'uplink', 'vlan', 'mtu'] as const).every((key) => spec[key] === network.spec[key]);

/** Of the groups whose nodes have it; undefined: all. */
export async function groupNames(client: Client, { spec }: Network): Promise<string[] | undefined> {
  if (!spec.groups) return undefined;
  const groups = await everyItem(client, 'listGroups');
  return spec.groups.map((id) => groups.find((each) => each.id === id)?.name ?? id);
}
