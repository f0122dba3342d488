/** Networks on nodes: which network a node has, and what its agent is told of it. */
import type { Attachment, AttachmentSpec, Network, NetworkId, Node, NodeId } from '@gantry/model';
import type { App } from '../api/call.ts';
import type { Env } from '../env.ts';
import { newObject } from '../objects.ts';
import { type Draft, withSpec } from '../store/batch.ts';
import { bridgeOf, hasDhcp } from './guest-spec.ts';

/** Whether nodes of this group may have the network. */
export const isConnected = ({ spec }: Pick<Network, 'spec'>, group: Node['spec']['group']): boolean =>
  spec.groups === undefined || spec.groups.includes(group);

/** What the agent of the node is told. */
export function attachmentSpec(network: Network, node: NodeId): AttachmentSpec {
  const { mode, uplink, vlan, mtu, subnet } = network.spec;
  return {
    network: network.id as NetworkId,
    node,
    desired: 'present',
    mode,
    bridge: bridgeOf(network),
    ...(uplink ? { uplink } : {}),
    ...(vlan ? { vlan } : {}),
    ...(mtu ? { mtu } : {}),
    ...(subnet ? { subnet } : {}),
    dhcp: hasDhcp(network),
  };
}

export const attach = (env: Env, network: Network, node: NodeId): Attachment =>
  newObject(env, 'attachment', {
    name: network.name,
    spec: attachmentSpec(network, node),
    status: { state: 'pending' },
  });

/** The networks of a new instance on its node, as far as they are not there yet. One that failed is tried anew. */
export async function newAttachments(
  app: Pick<App, 'store' | 'env'>,
  draft: Draft,
  networks: Network[],
  node: NodeId,
): Promise<Attachment[]> {
  const all: Attachment[] = [];
  for (const network of new Map(networks.map((each) => [each.id, each])).values()) {
    const { items } = await app.store.list('attachment', { owner: network.id, node });
    const found = items[0];
    const again = found?.status.state === 'failed' || found?.spec.desired === 'absent';
    if (found && again) draft.put(withSpec<Attachment>(found, { desired: 'present' }));
    else if (found) draft.relyOn(found);
    const attachment = found ?? attach(app.env, network, node);
    if (!found) draft.add(attachment);
    all.push(attachment);
  }
  return all;
}
