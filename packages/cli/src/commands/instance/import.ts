import { err, formatBytes, type ImportInstance, type Node, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { nodeNames } from '../../names.ts';
import { conclude, operationFlags, wishFlags } from '../../operations/submit.ts';
import type { Column } from '../../output/column.ts';
import { join, section } from '../../output/describe.ts';
import type { Session } from '../../session.ts';
import type { Complete, Verb } from '../../verb.ts';
import { keptTable, waitingTable } from './adopted.ts';

/** Domains that nodes have told of and no cluster manages. */
const domainNames: Complete = async ({ client }) => {
  const { items } = await client.call('listNodes', { query: { limit: 1000 } });
  return items.flatMap(({ name, status }) =>
    (status.foreignDomains ?? []).map((domain) => [domain.name, `on ${name}`] as const),
  );
};

export const instanceImport: Verb = {
  words: 'instance import',
  summary: 'take a libvirt guest under management as it is, without stopping it',
  details: [
    'Its hardware stays what its definition in libvirt says, at every start: Gantry writes none. What no setting of',
    'Gantry’s could say is listed, with --plan before anything is done. Its disks are never moved, copied or deleted.',
    '`gantry instance release` gives it back. Without DOMAIN, --list shows what could be imported.',
  ].join('\n'),
  arguments: [
    { name: '[DOMAIN]', description: 'name or UUID of the domain in libvirt', complete: domainNames },
  ],
  flags: [
    { flags: '--node <node>', description: 'where it is; default: the only node', complete: nodeNames },
    { flags: '--name <name>', description: 'name of the instance; default: that of the domain' },
    {
      flags: '--address <mac=address>',
      description: 'address that a NIC uses: reserved for it in the network of its bridge',
      many: true,
    },
    { flags: '--list', description: 'domains that no cluster manages' },
    ...wishFlags,
    ...operationFlags,
  ],
  examples: [
    'gantry instance import --list',
    'gantry instance import mail --node node1 --plan',
    'gantry instance import Mail_2 --name mail2 --address 52:54:00:12:34:56=192.168.77.20',
  ],
  run: (session, given) => (given.on('list') ? listForeign(session, given) : importDomain(session, given)),
};

async function importDomain(session: Session, given: Given): Promise<void> {
  const addresses = given.all('address').map(addressOf);
  const body: ImportInstance = {
    domain: given.arg(0, 'domain'),
    ...given.string('node', 'node'),
    ...given.string('name', 'name'),
    ...given.string('reason', 'reason'),
    ...given.put('deadlineMs', 'deadline', parseDurationMs),
    ...(addresses.length > 0 ? { addresses } : {}),
  };
  const query = given.on('plan') ? { plan: true } : {};
  const answer = await session.client.call('importInstance', { query, body });
  if (!('plan' in answer)) {
    await conclude(session, given, answer, () => `gantry instance show ${answer.spec.target.name}`);
    return;
  }
  const { plan, domain } = answer;
  await session.out.object(answer, domain.name, () =>
    join(
      plan.join('\n'),
      section('No setting of Gantry’s says (it stays as it is)', keptTable(domain.kept)),
      section('Changes at its next start, by its own definition', waitingTable(domain.waiting)),
      section('Addresses seen in use', seenText(domain.addresses)),
    ),
  );
}

const seenText = (addresses: readonly { mac: string; address: string }[]): string =>
  addresses.map(({ mac, address }) => `  --address ${mac}=${address}`).join('\n');

/** @throws GantryError `usage` */
function addressOf(text: string): NonNullable<ImportInstance['addresses']>[number] {
  const [mac, address] = text.split('=', 2);
  if (!mac || !address) throw err('usage', { what: `--address ${JSON.stringify(text)} is not MAC=ADDRESS` });
  return { mac: mac.toLowerCase(), address };
}

type Foreign = NonNullable<Node['status']['foreignDomains']>[number] & { node: string };

const columns: readonly Column<Foreign>[] = [
  { name: 'node', value: ({ node }) => node },
  { name: 'domain', value: ({ name }) => name },
  {
    name: 'state',
    value: ({ running }) => (running ? 'running' : 'stopped'),
    values: ['running', 'stopped'],
  },
  { name: 'memory', value: ({ memoryMiB }) => formatBytes(memoryMiB * 2 ** 20) },
  { name: 'uuid', value: ({ uuid }) => uuid },
];

/** As the nodes told last. */
async function listForeign({ client, out }: Session, given: Given): Promise<void> {
  const only = given.text('node');
  const nodes = only
    ? [await client.call('getNode', { params: { ref: only } })]
    : (await client.call('listNodes', { query: { limit: 1000 } })).items;
  const rows = nodes.flatMap(({ name: node, status }) =>
    (status.foreignDomains ?? []).map((domain) => ({ ...domain, node })),
  );
  await out.list(rows, columns);
}
