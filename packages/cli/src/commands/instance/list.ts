import { type Instance, instanceStates } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { ago } from '../../output/describe.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem, namesById } from '../pages.ts';

/** The instance with the names of what it refers to. */
type Row = Instance & { names?: Record<'node' | 'flavor' | 'image', string | undefined> };

const columns: readonly Column<Row>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'status', value: (row) => row.status.state, values: instanceStates },
  { name: 'node', value: (row) => row.names?.node ?? row.status.node },
  { name: 'vcpus', value: (row) => row.spec.vcpus },
  { name: 'memory', value: (row) => row.spec.memoryMiB, unit: 'MiB' },
  {
    name: 'address',
    value: (row) =>
      row.spec.nics
        .flatMap((nic) => [nic.ipv4, nic.ipv6])
        .filter(Boolean)
        .join(' '),
  },
  { name: 'age', value: (row) => ago(row.createdAt, Date.now()) },
  { name: 'note', value: noteOf },
  { name: 'flavor', value: (row) => row.names?.flavor ?? row.spec.flavor, wide: true },
  { name: 'image', value: (row) => row.names?.image ?? row.spec.image ?? row.spec.os?.provider, wide: true },
  { name: 'mac', value: (row) => row.spec.nics.map((nic) => nic.mac).join(' '), wide: true },
  { name: 'reason', value: (row) => row.status.reason, wide: true },
  { name: 'id', value: (row) => row.id, wide: true },
];

/** What is not as it should be, in a word or a sentence. */
function noteOf({ spec, status }: Row): string | undefined {
  const bad = status.conditions.filter((condition) => condition.status !== 'true');
  const words = bad.map(({ reason }) => reason.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase());
  const { locked, resize } = spec;
  const all = [
    ...words,
    words.length === 0 && status.reason,
    locked && `locked by ${locked.by}: ${locked.reason}`,
    resize && 'resized: --confirm or --revert',
  ];
  return all.filter(Boolean).join(', ') || undefined;
}

/** JSON and YAML are the API's own objects: no names are fetched for them. */
async function fetch(session: Session): Promise<Row[]> {
  const { client, out } = session;
  const plain = out.format === 'json' || out.format === 'yaml' || out.format === 'name';
  if (plain) return await everyItem(client, 'listInstances');
  const [instances, nodes, flavors, images] = await Promise.all([
    everyItem(client, 'listInstances'),
    namesById(client, 'listNodes'),
    namesById(client, 'listFlavors'),
    namesById(client, 'listImages'),
  ]);
  return instances.map((instance) => ({
    ...instance,
    names: {
      node: nodes.get(instance.status.node ?? ''),
      flavor: flavors.get(instance.spec.flavor ?? ''),
      image: images.get(instance.spec.image ?? ''),
    },
  }));
}

const listing: Listing<Row> = { kinds: ['instance'], columns, fetch };

export const instanceList: Verb = {
  words: 'instance list',
  shortcut: 'list',
  summary: 'list instances',
  flags: listFlags(columns),
  examples: [
    'gantry instance list',
    "gantry list --filter 'status=running and memory>=1G' --sort -memory",
    'gantry instance list -o json',
  ],
  run: (session, given) => runList(session, given, listing),
};
