import { type Body, err } from '@gantry/model';
import type { Given } from '../../given.ts';
import { networkNames } from '../../names.ts';
import { planFlag, planQuery, showPlan } from '../../operations/submit.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { describeNetwork } from './network.ts';
import { groupNames, tellOfNodes } from './on-nodes.ts';
import { addressesOf, addressFlags, segmentFlags } from './settings.ts';

/** Each with what it sets to null. */
const unsettable = {
  vlan: { vlan: null },
  mtu: { mtu: null },
  groups: { groups: [] },
  gateway: { subnet: { gateway: null } },
  pool: { subnet: { poolStart: null, poolEnd: null } },
  dns: { subnet: { dns: null } },
  reserved: { subnet: { reserved: null } },
  gateway6: { subnet6: { gateway: null } },
  pool6: { subnet6: { poolStart: null, poolEnd: null } },
  dns6: { subnet6: { dns: null } },
  reserved6: { subnet6: { reserved: null } },
} satisfies Record<string, Body<'setNetwork'>>;
type Unsettable = keyof typeof unsettable;

export const networkSet: Verb = {
  words: 'network set',
  summary:
    'set uplink, VLAN, mtu, groups of nodes or addresses of a network; what is given replaces what was',
  details:
    'Reserved addresses come and go one by one: --reserve adds, --release takes away, --unset reserved releases all. An instance that has one keeps it.',
  arguments: [nameArgument('network', networkNames)],
  flags: [
    ...segmentFlags,
    ...addressFlags,
    { flags: '--release <address>', description: 'reserved no longer', many: true },
    {
      flags: '--unset <setting>',
      description: `back to the default: ${Object.keys(unsettable).join(', ')}`,
      many: true,
      complete: () => Object.keys(unsettable),
    },
    planFlag,
  ],
  examples: [
    'gantry network set net100 --group rack1 --group rack2',
    'gantry network set net100 --mtu 9000 --vlan 101 --plan',
    'gantry network set net100 --reserve 10.1.0.60 --reserve 10.1.0.61 --release 10.1.0.70',
    'gantry network set net100 --unset groups --unset reserved',
  ],
  async run(session, given) {
    const body = bodyOf(given);
    if (Object.keys(body).length === 0)
      throw err('usage', { what: 'nothing to set: give --vlan, --group, --mtu or another of the options' });
    const params = { ref: given.arg(0, 'name') };
    const network = await session.client.call('setNetwork', { params, body, query: planQuery(given) });
    if ('plan' in network) return await showPlan(session, network);
    await session.out.object(network, network.name, async () =>
      describeNetwork(network, await groupNames(session.client, network)),
    );
    await tellOfNodes(session, network);
  },
};

function bodyOf(given: Given): Body<'setNetwork'> {
  const unset: Body<'setNetwork'>[] = given.all('unset').map(nullsOf);
  const groups = given.all('group');
  const merged = (parts: object[]): object => Object.assign({}, ...parts) as object;
  const subnet = merged([...unset.map((each) => each.subnet ?? {}), addressesOf(given, 4)]);
  const subnet6 = merged([...unset.map((each) => each.subnet6 ?? {}), addressesOf(given, 6)]);
  return {
    ...Object.assign({}, ...unset),
    ...given.string('uplink', 'uplink'),
    ...given.put('vlan', 'vlan', parseCount),
    ...given.put('mtu', 'mtu', parseCount),
    ...(groups.length > 0 ? { groups: [...groups] } : {}),
    ...(Object.keys(subnet).length > 0 ? { subnet } : {}),
    ...(Object.keys(subnet6).length > 0 ? { subnet6 } : {}),
    ...listOf(given, 'reserve'),
    ...listOf(given, 'release'),
  };
}

function listOf(given: Given, flag: 'reserve' | 'release'): Pick<Body<'setNetwork'>, 'reserve' | 'release'> {
  const addresses = given.all(flag).map((address) => address.toLowerCase());
  return addresses.length > 0 ? { [flag]: addresses } : {};
}

function nullsOf(name: string): Body<'setNetwork'> {
  if (!Object.hasOwn(unsettable, name))
    throw err('invalid_argument', {
      what: `--unset ${name}`,
      wanted: `one of ${Object.keys(unsettable).join(', ')}`,
    });
  return unsettable[name as Unsettable];
}
