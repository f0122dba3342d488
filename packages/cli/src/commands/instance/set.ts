/** Settings of an instance that is there, each with when its guest gets it. */
import {
  type Body,
  err,
  formatMs,
  GuestPolicy,
  type InstanceChanged,
  parseDurationMs,
  parseMiB,
  type SettingChange,
} from '@gantry/model';
import type { Given } from '../../given.ts';
import { flavorNames, instanceArgument } from '../../names.ts';
import { follow } from '../../operations/follow.ts';
import { operationFlags } from '../../operations/submit.ts';
import { tookMs } from '../../operations/words.ts';
import { table } from '../../output/table.ts';
import { parseCount, parsePairs, parseYesNo } from '../../parse.ts';
import type { Flag, Verb } from '../../verb.ts';
import { bootFlag, parseBootOrder } from '../boot-flags.ts';
import { guestFlags, guestPolicy } from '../guest-settings.ts';
import { roomChangeFlags, roomChanges } from '../room-flags.ts';
import { unsetSettings } from '../unset.ts';

const unsettable = Object.keys(GuestPolicy.properties);

const flags: readonly Flag[] = [
  {
    flags: '--flavor <flavor>',
    description: 'its sizes and extra specs as they are now; disks stay as they are',
    complete: flavorNames,
  },
  { flags: '--vcpus <count>', description: 'virtual CPUs' },
  { flags: '--memory <size>', description: 'memory with its unit (1G)' },
  ...roomChangeFlags,
  { flags: '--kernel <kernel>', description: 'disk (its own boot loader), node, or a path on the node' },
  { flags: '--initrd <initrd>', description: 'node or a path on the node; none: without' },
  { flags: '--root <device>', description: 'root device for the kernel; default: the default' },
  { flags: '--kernel-args <args>', description: 'further kernel arguments; an empty text unsets them' },
  { ...bootFlag, description: `${bootFlag.description}; default: the default` },
  ...guestFlags,
  {
    flags: '--unset <setting>',
    description: `back to what is inherited: ${unsettable.join(', ')}`,
    many: true,
    complete: () => unsettable,
  },
  { flags: '--label <key=value>', description: 'label', many: true },
  { flags: '--remove-label <key>', description: 'remove a label', many: true },
  { flags: '--protect <yes|no>', description: 'refuse its deletion', choices: ['yes', 'no'] },
  ...operationFlags,
];

export const instanceSet: Verb = {
  words: 'instance set',
  summary: 'change size, boot, settings, labels or protection of an instance',
  details: [
    'Each change says when the guest gets it, and why then: `now`, or at its next start (stop and start; a reboot',
    'inside the guest keeps its QEMU). What waits is shown by `gantry instance diff`. A guest that is to grow has the',
    'memory and CPUs of its node from now on, or the change is refused with what is free. A guest that runs takes',
    'CPUs and memory within the room that it was started with (--max-vcpus, --max-memory); the command waits until it',
    'has them, and says what a guest keeps that does not give back.',
  ].join('\n'),
  arguments: [instanceArgument],
  flags,
  examples: [
    'gantry instance set web1 --memory 2G --vcpus 2',
    'gantry instance set web1 --max-memory 8G --max-vcpus 8',
    'gantry instance set web1 --flavor large --plan',
    'gantry instance set web1 --boot disk,cd,network',
    'gantry instance set web1 --on-poweroff restart --protect yes --label tier=front',
  ],
  async run(session, given) {
    const body = bodyOf(given);
    const query = given.on('plan') ? { plan: true } : {};
    const ref = given.arg(0, 'name');
    const answer = await session.client.call('setInstance', { params: { ref }, query, body });
    const { operation } = answer;
    const wait = operation !== undefined && !given.on('plan') && !given.on('detach');
    const show = (told: InstanceChanged) =>
      session.out.object(told, told.instance.name, () => changesText(told));
    if (session.out.forPeople || !wait) await show(answer);
    if (!given.on('plan') && waits(answer)) session.note(`at its next start: ${restart(answer)}`);
    if (wait) {
      const ended = await follow(session, operation, given.put('timeoutMs', 'timeout', parseDurationMs));
      session.note(`done in ${formatMs(tookMs(ended, Date.now()))}`);
      if (!session.out.forPeople) await show({ ...answer, operation: ended });
    } else if (operation && given.on('detach'))
      session.note(`follow it: gantry op watch ${operation.spec.number}`);
  },
};

/** @throws GantryError `usage` where nothing is given, `invalid_argument` */
function bodyOf(given: Given): Body<'setInstance'> {
  const unset = unsetSettings(given, unsettable);
  const nulls = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, null]));
  const guest = { ...nulls(unset), ...guestPolicy(given) };
  const labels = { ...nulls(given.all('removeLabel')), ...parsePairs(given.all('label')) };
  const unless = (none: string) => (text: string) => (text === none ? null : text);
  const boot = {
    ...given.string('kernel', 'kernel'),
    ...given.put('initrd', 'initrd', unless('none')),
    ...given.put('root', 'root', unless('default')),
    ...given.put('args', 'kernelArgs', unless('')),
  };
  const body = {
    ...given.string('flavor', 'flavor'),
    ...given.put('vcpus', 'vcpus', parseCount),
    ...given.put('memoryMiB', 'memory', parseMiB),
    ...roomChanges(given),
    ...(Object.keys(boot).length > 0 ? { boot } : {}),
    ...given.put('bootOrder', 'boot', (text) => (text === 'default' ? null : parseBootOrder(text))),
    ...(Object.keys(guest).length > 0 ? { guest } : {}),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...given.put('protected', 'protect', parseYesNo),
  };
  if (Object.keys(body).length === 0)
    throw err('usage', {
      what: 'nothing to set: give --memory, --flavor, --label or another of the options',
    });
  return body;
}

function changesText({ instance, changes }: InstanceChanged): string {
  if (changes.length === 0) return `${instance.name} is so already`;
  const row = ({ setting, from, to, applies, why }: SettingChange) => [
    setting,
    from ?? '-',
    to ?? '-',
    applies === 'now' ? 'now' : 'at next start',
    why,
  ];
  return table(['SETTING', 'FROM', 'TO', 'APPLIES', 'WHY'], changes.map(row));
}

const waits = ({ changes }: InstanceChanged): boolean =>
  changes.some(({ applies }) => applies === 'next-start');

const restart = ({ instance: { name, status } }: InstanceChanged): string => {
  if (status.state === 'suspended')
    return `gantry instance start ${name} --discard-saved; without that it goes on with the hardware that it has`;
  const start = `gantry instance start ${name}`;
  return status.state === 'stopped' ? start : `gantry instance stop ${name} && ${start}`;
};
