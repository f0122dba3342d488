import { type Body, type CloneWay, err, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { flavorNames, instanceNames, networkNames, nodeNames } from '../../names.ts';
import { conclude, deadlineFlag, operationFlags, reasonFlag } from '../../operations/submit.ts';
import { nicForm, parseNic, parsePairs } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { untilFlag } from './act.ts';
import { noNameCheck } from './create-flags.ts';

/** By flag. */
const ways = { stop: 'stop', quiesce: 'quiesce', crashConsistent: 'crash' } as const satisfies Record<
  string,
  CloneWay
>;

export const instanceClone: Verb = {
  words: 'instance clone',
  summary: 'make a new instance with copies of the disks of another',
  details:
    'The clone has the size, settings and networks of its source, and an id, MACs, addresses and disks of its own. A source that\n' +
    'runs wants a choice: --quiesce, --stop or --crash-consistent. It is held only while its disks are copied.\n' +
    'Without --node the clone goes beside its source, or elsewhere in its group where it does not fit there.',
  arguments: [
    { name: 'SOURCE', description: 'name or id of the instance that is copied', complete: instanceNames },
    { name: 'NEW', description: 'name of the clone, and its host name' },
  ],
  flags: [
    {
      flags: '--quiesce',
      description: 'its agent freezes its file systems for the moment that is copied; it runs on',
    },
    { flags: '--stop', description: 'stop it for the time of the copy, and start it again' },
    {
      flags: '--crash-consistent',
      description: 'the disks as they are at one moment, as after a power cut; it runs on',
    },
    { flags: '--grace <duration>', description: 'with --stop: how long it is asked before it is forced' },
    { flags: '--node <node>', description: 'on this node', complete: nodeNames },
    {
      flags: '--flavor <flavor>',
      description: 'another size; disks stay as large as they are',
      complete: flavorNames,
    },
    {
      flags: '--nic <nic>',
      description: `${nicForm}; instead of the networks of its source`,
      many: true,
      complete: networkNames,
    },
    { flags: '--label <key=value>', description: 'instead of the labels of its source', many: true },
    { flags: '--stopped', description: 'do not start it' },
    { flags: '--no-address-check', description: 'do not ask its networks whether its addresses are in use' },
    noNameCheck,
    untilFlag,
    deadlineFlag('take it back when it is not done by then, default 10m and a second for each 8 MiB'),
    reasonFlag,
    ...operationFlags,
  ],
  examples: [
    'gantry instance clone web1 web2 --plan',
    'gantry instance clone web1 web2 --quiesce',
    'gantry instance clone golden test1 --node n2 --flavor small --stopped',
  ],
  async run(session, given) {
    const [ref, name] = [given.arg(0, 'source'), given.arg(1, 'new name')];
    const query = given.on('plan') ? { plan: true } : {};
    const answer = await session.client.call('cloneInstance', {
      params: { ref },
      query,
      body: bodyOf(name, given),
    });
    await conclude(session, given, answer, () =>
      given.on('stopped') ? `gantry instance start ${name}` : `gantry console ${name}`,
    );
  },
};

/** @throws GantryError `usage`, `invalid_argument` */
function bodyOf(name: string, given: Given): Body<'cloneInstance'> {
  const chosen = Object.entries(ways).filter(([flag]) => given.on(flag));
  if (chosen.length > 1)
    throw err('usage', { what: '--quiesce, --stop and --crash-consistent exclude each other' });
  const running = chosen[0]?.[1];
  const [nics, labels] = [given.all('nic').map(parseNic), parsePairs(given.all('label'))];
  return {
    name,
    ...given.string('node', 'node'),
    ...given.string('flavor', 'flavor'),
    ...(nics.length > 0 ? { nics } : {}),
    ...(running ? { running } : {}),
    ...given.put('timeoutMs', 'grace', parseDurationMs),
    ...(given.on('stopped') ? { power: 'stopped' as const } : {}),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(given.off('nameCheck') ? { nameCheck: false } : {}),
    ...(given.off('addressCheck') ? { addressCheck: false } : {}),
    ...given.put('until', 'until', (text) => text as 'running'),
    ...given.put('deadlineMs', 'deadline', parseDurationMs),
    ...given.string('reason', 'reason'),
  };
}
