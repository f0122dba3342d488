/** Which nodes a command is for: named ones, those of groups, or all. Nothing is a guess: without a choice it is refused. */
import { err, type Node, similar } from '@gantry/model';
import type { Given } from '../../given.ts';
import { groupNames, nodeNames } from '../../names.ts';
import type { Session } from '../../session.ts';
import type { Flag } from '../../verb.ts';
import { everyItem } from '../pages.ts';

export const chosenFlags: readonly Flag[] = [
  { flags: '--node <node>', description: 'on this node', many: true, complete: nodeNames },
  {
    flags: '--group <group>',
    description: 'on all nodes of this group, and no others',
    many: true,
    complete: groupNames,
  },
  { flags: '--all', description: 'on all nodes' },
  { flags: '--jobs <count>', description: 'on so many nodes at a time, default 32' },
];

/** Nodes that are offline are left out, and said so. @throws GantryError `usage`, `not_found`, `no_nodes` */
export async function chosenNodes(session: Session, given: Given): Promise<Node[]> {
  const [names, groups] = [given.all('node'), given.all('group')];
  if (names.length + groups.length === 0 && !given.on('all'))
    throw err('usage', { what: 'say where: --node NAME, --group NAME or --all' });
  const { client } = session;
  const ids: string[] = [];
  for (const ref of groups) ids.push((await client.call('getGroup', { params: { ref } })).id);
  const all = await everyItem(client, 'listNodes');
  for (const name of names)
    if (!all.some((node) => node.name === name || node.id === name))
      throw err('not_found', {
        kind: 'node',
        name,
        similar: similar(
          name,
          all.map((node) => node.name),
        ).join(', '),
      });
  const chosen = all.filter(
    ({ name, id, spec }) =>
      given.on('all') || ids.includes(spec.group) || names.includes(name) || names.includes(id),
  );
  const empty = groups.filter((_, at) => !all.some(({ spec }) => spec.group === ids[at]));
  const offline = chosen.filter(({ spec }) => spec.role === 'offline').map(({ name }) => name);
  const left = chosen.filter(({ spec }) => spec.role !== 'offline');
  const why = [
    ...(empty.length > 0 ? [`no node is in ${empty.join(', ')}`] : []),
    ...(offline.length > 0 ? [`offline: ${offline.join(', ')}`] : []),
  ];
  // Nothing done is not what was asked for: a script must not take it for success.
  if (left.length === 0) throw err('no_nodes', { why: why.join('; ') });
  if (why.length > 0) session.note(`left out: ${why.join('; ')}`);
  return left;
}

/** Does `work` for each, some at a time; answers in the order of the nodes. */
export async function forEachNode<T>(
  nodes: readonly Node[],
  given: Given,
  work: (node: Node) => Promise<T>,
): Promise<T[]> {
  const jobs = given.put('jobs', 'jobs', Number).jobs ?? 32;
  if (!Number.isInteger(jobs) || jobs < 1)
    throw err('invalid_argument', { what: `--jobs ${given.text('jobs')}`, wanted: 'a number from 1' });
  const results: T[] = new Array(nodes.length) as T[];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < nodes.length; at = next++) {
      const node = nodes[at];
      if (node) results[at] = await work(node);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, nodes.length) }, worker));
  return results;
}
