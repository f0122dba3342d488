import { type Body, err } from '@gantry/model';
import type { Given } from '../../given.ts';
import { planFlag, showPlan } from '../../operations/submit.ts';
import { parseCount, parsePairs, parseYesNo } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { describeNetwork } from './network.ts';

export const networkCreate: Verb = {
  words: 'network create',
  summary: 'create a network',
  arguments: [{ name: 'NAME', description: 'name of the network' }],
  flags: [
    {
      flags: '--mode <mode>',
      description: 'nat: a bridge that Gantry makes, with DHCP and NAT; bridge: one that the host has',
      choices: ['nat', 'bridge'],
      required: true,
    },
    { flags: '--bridge <bridge>', description: 'name of the bridge' },
    { flags: '--subnet <cidr>', description: 'IPv4 subnet, such as 192.168.77.0/24' },
    { flags: '--gateway <address>', description: 'default: the first address with mode nat' },
    { flags: '--pool <range>', description: 'addresses to hand out: FIRST-LAST' },
    { flags: '--dns <address>', description: 'name server for the guests', many: true },
    { flags: '--reserve <address>', description: 'never handed out', many: true },
    { flags: '--mtu <bytes>', description: 'largest packet' },
    { flags: '--dhcp <yes|no>', description: 'answer DHCP for the guests', complete: () => ['yes', 'no'] },
    { flags: '--label <key=value>', description: 'label', many: true },
    planFlag,
  ],
  examples: [
    'gantry network create lab --mode nat --bridge lab0 --subnet 192.168.77.0/24',
    'gantry network create office --mode bridge --bridge br0 --subnet 10.1.0.0/24 --gateway 10.1.0.1 --pool 10.1.0.50-10.1.0.99',
  ],
  async run(session, given) {
    const query = given.on('plan') ? { plan: true } : {};
    const network = await session.client.call('createNetwork', { query, body: bodyOf(given) });
    if ('plan' in network) return await showPlan(session, network as never);
    await session.out.object(network, network.name, () => describeNetwork(network));
  },
};

function bodyOf(given: Given): Body<'createNetwork'> {
  const labels = parsePairs(given.all('label'));
  const subnet = subnetOf(given);
  return {
    name: given.arg(0, 'name'),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    spec: {
      mode: given.text('mode') as 'nat',
      ...given.string('bridge', 'bridge'),
      ...given.put('mtu', 'mtu', parseCount),
      ...(subnet ? { subnet } : {}),
      ...given.put('dhcp', 'dhcp', parseYesNo),
    },
  };
}

function subnetOf(given: Given) {
  const cidr = given.text('subnet');
  const [dns, reserved] = [given.all('dns'), given.all('reserve')];
  if (cidr === undefined) {
    if ((given.text('gateway') ?? given.text('pool') ?? dns[0] ?? reserved[0]) !== undefined)
      throw err('usage', { what: '--gateway, --pool, --dns and --reserve need --subnet' });
    return undefined;
  }
  return {
    cidr,
    ...given.string('gateway', 'gateway'),
    ...poolOf(given.text('pool')),
    ...(dns.length > 0 ? { dns: [...dns] } : {}),
    ...(reserved.length > 0 ? { reserved: [...reserved] } : {}),
  };
}

function poolOf(text: string | undefined): { poolStart?: string; poolEnd?: string } {
  if (text === undefined) return {};
  const [poolStart, poolEnd, more] = text.split('-');
  if (!poolStart || !poolEnd || more !== undefined)
    throw err('invalid_argument', {
      what: JSON.stringify(text.slice(0, 64)),
      wanted: 'a range such as 10.1.0.50-10.1.0.99',
    });
  return { poolStart, poolEnd };
}
