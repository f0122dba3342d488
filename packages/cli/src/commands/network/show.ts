import type { Attachment } from '@gantry/model';
import { networkNames } from '../../names.ts';
import { join, section, subTable } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { everyItem } from '../pages.ts';
import { describeNetwork } from './network.ts';

export const networkShow: Verb = {
  words: 'network show',
  summary: 'a network with its addresses, and how it is on each of its nodes',
  arguments: [nameArgument('network', networkNames)],
  examples: ['gantry network show default'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'name') };
    const network = await client.call('getNetwork', { params });
    await out.object(network, network.name, async () => {
      const [{ items }, nodes, groups] = await Promise.all([
        client.call('listNetworkNodes', { params }),
        everyItem(client, 'listNodes'),
        everyItem(client, 'listGroups'),
      ]);
      const nameIn = (all: readonly { id: string; name: string }[], id: string) =>
        all.find((each) => each.id === id)?.name ?? id;
      return join(
        describeNetwork(
          network,
          network.spec.groups?.map((id) => nameIn(groups, id)),
        ),
        section(
          'Nodes',
          nodesTable(items, (id) => nameIn(nodes, id)),
        ),
      );
    });
  },
};

/** One line a node; what failed says why. */
const nodesTable = (attachments: readonly Attachment[], nodeName: (id: string) => string): string =>
  subTable(
    ['NODE', 'STATE', 'REASON'],
    attachments
      .map(({ spec, status }) => [nodeName(spec.node), stateOf(spec, status), status.error?.title ?? ''])
      .toSorted(([a = ''], [b = '']) => a.localeCompare(b)),
  );

const stateOf = ({ desired }: Attachment['spec'], { state }: Attachment['status']): string =>
  desired === 'absent' && state !== 'absent' ? 'to be removed' : state;
