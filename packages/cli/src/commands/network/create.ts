import { type Body, err } from '@gantry/model';
import type { Given } from '../../given.ts';
import { planFlag, showPlan } from '../../operations/submit.ts';
import { parseCount, parsePairs, parseYesNo } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { describeNetwork } from './network.ts';
import { groupNames, tellOfNodes } from './on-nodes.ts';
import { addressesOf, addressFlags, reservedOf, segmentFlags } from './settings.ts';

export const networkCreate: Verb = {
  words: 'network create',
  summary: 'create a network',
  details:
    'The nodes make it so by themselves; what a node says against it is told here, and with `network show` later.',
  arguments: [{ name: 'NAME', description: 'name of the network' }],
  flags: [
    {
      flags: '--mode <mode>',
      description:
        'nat: a bridge that Gantry makes, with DHCP and NAT; bridge: one that the host has; uplink: one that Gantry makes on an interface of the host (default with --uplink)',
      choices: ['nat', 'bridge', 'uplink'],
    },
    ...segmentFlags,
    { flags: '--bridge <bridge>', description: 'name of the bridge' },
    { flags: '--subnet <cidr>', description: 'IPv4 subnet, such as 192.168.77.0/24' },
    { flags: '--subnet6 <cidr>', description: 'IPv6 subnet, such as 2001:db8:1::/64; addresses are static' },
    ...addressFlags,
    { flags: '--dhcp <yes|no>', description: 'answer DHCP for the guests', complete: () => ['yes', 'no'] },
    { flags: '--label <key=value>', description: 'label', many: true },
    planFlag,
  ],
  examples: [
    'gantry network create net100 --vlan 100 --uplink bond0 --bridge br100 --mtu 9000 --group rack1',
    'gantry network create lab --mode nat --bridge lab0 --subnet 192.168.77.0/24',
    'gantry network create office --mode bridge --bridge br0 --subnet 10.1.0.0/24 --gateway 10.1.0.1 --pool 10.1.0.50-10.1.0.99',
  ],
  async run(session, given) {
    const query = given.on('plan') ? { plan: true } : {};
    const network = await session.client.call('createNetwork', { query, body: bodyOf(given) });
    if ('plan' in network) return await showPlan(session, network as never);
    await session.out.object(network, network.name, async () =>
      describeNetwork(network, await groupNames(session.client, network)),
    );
    await tellOfNodes(session, network);
  },
};

function bodyOf(given: Given): Body<'createNetwork'> {
  const labels = parsePairs(given.all('label'));
  const [subnet, subnet6] = [subnetOf(given, 4), subnetOf(given, 6)];
  const groups = given.all('group');
  return {
    name: given.arg(0, 'name'),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    spec: {
      mode: modeOf(given),
      ...given.string('bridge', 'bridge'),
      ...given.string('uplink', 'uplink'),
      ...given.put('vlan', 'vlan', parseCount),
      ...given.put('mtu', 'mtu', parseCount),
      ...(groups.length > 0 ? { groups: [...groups] } : {}),
      ...(subnet ? { subnet } : {}),
      ...(subnet6 ? { subnet6 } : {}),
      ...given.put('dhcp', 'dhcp', parseYesNo),
    },
  };
}

function modeOf(given: Given): 'nat' | 'bridge' | 'uplink' {
  const mode = given.text('mode') ?? (given.text('uplink') === undefined ? undefined : 'uplink');
  if (mode === undefined) throw err('usage', { what: 'give --uplink, or --mode nat or bridge' });
  return mode as 'nat';
}

function subnetOf(given: Given, family: 4 | 6) {
  const flag = family === 6 ? 'subnet6' : 'subnet';
  const cidr = given.text(flag);
  const addresses = { ...addressesOf(given, family), ...reservedOf(given, family) };
  if (cidr !== undefined) return { cidr, ...addresses };
  if (Object.keys(addresses).length > 0)
    throw err('usage', { what: `gateway, pool, --dns and --reserve of IPv${family} need --${flag}` });
  return undefined;
}
