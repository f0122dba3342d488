/** NICs of an instance: given, taken away, set. */
import { type Body, err, nicModels, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instanceArgument, networkNames } from '../../names.ts';
import { conclude, deviceFlags } from '../../operations/submit.ts';
import type { Argument, Flag, Verb } from '../../verb.ts';
import { placeOf } from '../disk/names.ts';

const nicArgument: Argument = {
  name: 'INSTANCE:N',
  description: 'a NIC of an instance, by its place there (`gantry instance nic show INSTANCE`)',
  complete: async ({ client }) => {
    const { items } = await client.call('listInstances', { query: { limit: 1000 } });
    return items.flatMap(({ name, spec }) => spec.nics.map(({ slot }, index) => `${name}:${slot ?? index}`));
  },
};
const addressFlags: readonly Flag[] = [
  { flags: '--address <address>', description: 'IPv4: pool, none, or an address' },
  { flags: '--address6 <address>', description: 'IPv6: pool, none, or an address' },
  { flags: '--no-address-check', description: 'do not ask its network whether the address is in use' },
];
const trustFlags: readonly Flag[] = [
  {
    flags: '--allow <source>',
    description: 'an address, subnet or MAC that it may send from beside its own',
    many: true,
  },
  { flags: '--filter <on|off>', description: 'anti-spoofing', choices: ['on', 'off'] },
];
const modelFlag = (choices: readonly string[]): Flag => ({
  flags: '--model <model>',
  description: 'what it is to the guest',
  choices: [...choices],
});
const linkFlag: Flag = { flags: '--link <state>', description: 'its cable', choices: ['up', 'down'] };

const wishesOf = (given: Given) => ({
  ...(given.off('addressCheck') ? { addressCheck: false } : {}),
  ...given.put('deadlineMs', 'deadline', parseDurationMs),
  ...given.string('reason', 'reason'),
});
const queryOf = (given: Given) => (given.on('plan') ? { plan: true } : {});
const addressesOf = (given: Given) => ({
  ...given.string('address', 'address'),
  ...given.put('address6', 'address6', (text) => text.toLowerCase()),
  ...given.put('link', 'link', (text) => text as 'up' | 'down'),
});
const sourcesOf = (given: Given, flag: 'allow' | 'disallow') => {
  const sources = given.all(flag).map((source) => source.toLowerCase());
  return sources.length > 0 ? { [flag]: sources } : {};
};
const trustOf = (given: Given) => ({
  ...given.put('filter', 'filter', (text) => text as 'on' | 'off'),
  ...sourcesOf(given, 'allow'),
});

/** For `nic set`: no choice of its own. */
const IMAGES_MODEL = 'image';
const modelOf = (text: string) => (text === IMAGES_MODEL ? null : (text as (typeof nicModels)[number]));

export const instanceNicAttach: Verb = {
  words: 'instance nic attach',
  summary: 'give an instance a NIC',
  details:
    'A running guest gets it at once; its anti-spoofing filter stands before the first frame. The address is given by DHCP where the network has it; what the guest configures by itself is its own.',
  arguments: [instanceArgument],
  flags: [
    { flags: '--network <network>', description: 'its network', required: true, complete: networkNames },
    ...addressFlags,
    { flags: '--mac <mac>', description: 'its MAC; default: one that nobody has' },
    linkFlag,
    modelFlag(nicModels),
    ...trustFlags,
    ...deviceFlags,
  ],
  examples: [
    'gantry instance nic attach web1 --network default',
    'gantry instance nic attach web1 --network net100 --address 10.1.0.7 --link down',
  ],
  async run(session, given) {
    const body = {
      network: given.text('network') ?? '',
      ...addressesOf(given),
      ...given.put('mac', 'mac', (text) => text.toLowerCase()),
      ...given.put('model', 'model', (text) => text as (typeof nicModels)[number]),
      ...trustOf(given),
      ...wishesOf(given),
    } satisfies Body<'attachNic'>;
    const params = { ref: given.arg(0, 'instance') };
    const answer = await session.client.call('attachNic', { params, query: queryOf(given), body });
    await conclude(session, given, answer, ({ spec }) => `gantry instance nic show ${spec.target.name}`);
  },
};

export const instanceNicDetach: Verb = {
  words: 'instance nic detach',
  summary: 'take a NIC from an instance, and free its addresses',
  details:
    'A running guest is asked to give it up. One that refuses, or does not answer within the deadline (1m), keeps it with its addresses, and the command says so; it can be repeated.',
  arguments: [nicArgument],
  flags: deviceFlags,
  examples: ['gantry instance nic detach web1:1'],
  async run(session, given) {
    const { ref, place } = placeOf(given.arg(0, 'NIC'));
    const query = { ...queryOf(given), ...wishesOf(given) };
    await conclude(
      session,
      given,
      await session.client.call('detachNic', { params: { ref, nic: place }, query }),
    );
  },
};

export const instanceNicSet: Verb = {
  words: 'instance nic set',
  summary: 'network, address, link and model of a NIC, and what it may send from',
  details:
    'All but the model reaches a running guest at once: its cable is pulled, or moved to the bridge of the other network, and its filter follows. The address is what the filter lets out and DHCP answers; what the guest has configured inside is its own to change. Only administrators loosen the filter (docs/anti-spoofing.md). Another model is another device: the guest has it from its next start on, or at once with --replug, for which it must give up the old one; its link is gone meanwhile. `--model image` goes back to what the image says.',
  arguments: [nicArgument],
  flags: [
    { flags: '--network <network>', description: 'another network', complete: networkNames },
    ...addressFlags,
    linkFlag,
    ...trustFlags,
    modelFlag([...nicModels, IMAGES_MODEL]),
    {
      flags: '--replug',
      description: 'with --model: take it out of the running guest and plug it in as that',
    },
    { flags: '--disallow <source>', description: 'of those it was allowed: no longer', many: true },
    ...deviceFlags,
  ],
  examples: [
    'gantry instance nic set web1:0 --link down',
    'gantry instance nic set web1:1 --network net200 --address pool',
    'gantry instance nic set web1:0 --model e1000e --replug',
    'gantry instance nic set web1:0 --allow 10.9.0.0/16 --disallow 192.168.77.200',
  ],
  async run(session, given) {
    const { ref, place } = placeOf(given.arg(0, 'NIC'));
    const settings = {
      ...given.string('network', 'network'),
      ...addressesOf(given),
      ...trustOf(given),
      ...sourcesOf(given, 'disallow'),
      ...given.put('model', 'model', modelOf),
    };
    if (Object.keys(settings).length === 0)
      throw err('usage', {
        what: 'nothing to set: give --link, --network, --address, --allow or another of the options',
      });
    if (given.on('replug') && !('model' in settings)) throw err('usage', { what: '--replug needs --model' });
    const body = {
      ...settings,
      ...(given.on('replug') ? { replug: true } : {}),
      ...wishesOf(given),
    } satisfies Body<'setNic'>;
    const params = { ref, nic: place };
    await conclude(
      session,
      given,
      await session.client.call('setNic', { params, query: queryOf(given), body }),
    );
  },
};
