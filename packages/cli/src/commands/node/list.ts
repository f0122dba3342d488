import type { Node } from '@gantry/model';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';
import { nodeColumns } from './node.ts';

const listing: Listing<Node> = {
  kinds: ['node'],
  columns: nodeColumns,
  fetch: ({ client }) => everyItem(client, 'listNodes'),
};

export const nodeList: Verb = {
  words: 'node list',
  summary: 'list nodes',
  flags: listFlags(nodeColumns),
  examples: ['gantry node list', 'gantry node list -o wide --watch', 'gantry node list -o json'],
  run: (session, given) => runList(session, given, listing),
};
