/** Whether the networks of an instance are on a node: its group must have them, and the node must not have failed at them. */
import type { Network, Node, Rejection } from '@gantry/model';
import type { Kinds } from '../kinds.ts';
import { isConnected } from '../operations/attachments.ts';
import { isCurrent } from '../operations/view.ts';
import type { Store } from '../store/store.ts';

export type NetworkTest = (node: Node, group: Kinds['group'] | undefined) => Rejection[];

/** Reads what the nodes reported; the test itself only looks. */
export async function networkTest(store: Store, networks: readonly Network[]): Promise<NetworkTest> {
  const failed = new Map<string, string>();
  for (const network of networks.filter(({ spec }) => spec.mode !== 'nat'))
    for (const attachment of (await store.list('attachment', { owner: network.id })).items) {
      const { state, error } = attachment.status;
      if (state === 'failed' && isCurrent(attachment))
        failed.set(`${network.id} ${attachment.spec.node}`, error?.title ?? 'its agent cannot make it');
    }
  const reject = (message: string): Rejection => ({ test: 'network', message });
  return (node, group) =>
    networks.flatMap(({ id, name, spec }) => {
      if (!isConnected({ spec }, node.spec.group))
        return reject(`network ${name} is not connected to group ${group?.name ?? node.spec.group}`);
      const why = failed.get(`${id} ${node.id}`);
      return why ? reject(`network ${name} is not there: ${why}`) : [];
    });
}
