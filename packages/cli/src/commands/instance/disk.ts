/** Disks of an instance: given, taken away, set. */
import { attachBuses, type Body, diskCaches, err, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instanceArgument } from '../../names.ts';
import { conclude, deviceFlags } from '../../operations/submit.ts';
import { table } from '../../output/table.ts';
import { parseYesNo } from '../../parse.ts';
import type { Session } from '../../session.ts';
import type { Flag, Verb } from '../../verb.ts';
import { limitForm, parseLimits } from '../disk/disk.ts';
import { diskArgument, freeDiskArgument, placeArgument, placeOf } from '../disk/names.ts';

const busFlag: Flag = { flags: '--bus <bus>', description: 'bus in the guest', choices: attachBuses };
const cacheFlag: Flag = { flags: '--cache <mode>', description: 'cache mode', choices: diskCaches };
const limitFlag: Flag = { flags: '--limit <what=rate>', description: limitForm, many: true };

const wishesOf = (given: Given) => ({
  ...given.put('deadlineMs', 'deadline', parseDurationMs),
  ...given.string('reason', 'reason'),
});
const queryOf = (given: Given) => (given.on('plan') ? { plan: true } : {});

export const instanceDiskAttach: Verb = {
  words: 'instance disk attach',
  summary: 'give an instance a disk',
  details:
    'A running guest gets it at once on virtio and SCSI, and at its next start on SATA. It appears there as /dev/disk/by-id/virtio-SERIAL, SERIAL being the first 20 characters of its id. It stays when the instance is deleted.',
  arguments: [instanceArgument, freeDiskArgument],
  flags: [
    busFlag,
    cacheFlag,
    { flags: '--read-only', description: 'the guest cannot write it' },
    limitFlag,
    ...deviceFlags,
  ],
  examples: [
    'gantry instance disk attach web1 data',
    'gantry instance disk attach web1 data --bus scsi --read-only --limit read=300MB/s',
  ],
  async run(session, given) {
    const limits = parseLimits(given.all('limit'));
    const body = {
      disk: given.arg(1, 'disk'),
      ...given.put('bus', 'bus', (text) => text as (typeof attachBuses)[number]),
      ...given.put('cache', 'cache', (text) => text as (typeof diskCaches)[number]),
      ...(given.on('readOnly') ? { readOnly: true } : {}),
      ...(Object.keys(limits).length > 0 ? { limits } : {}),
      ...wishesOf(given),
    } as Body<'attachDisk'>;
    const params = { ref: given.arg(0, 'instance') };
    const answer = await session.client.call('attachDisk', { params, query: queryOf(given), body });
    await conclude(session, given, answer);
  },
};

export const instanceDiskDetach: Verb = {
  words: 'instance disk detach',
  summary: 'take a disk from an instance; its bytes stay',
  details:
    'A running guest is asked to give it up. One that refuses, or does not answer within the deadline (1m), keeps it, and the command says so; it can be repeated. A disk that was made with the instance gets a name of its own.',
  arguments: [instanceArgument, { ...diskArgument, description: 'its name, id or place in the instance' }],
  flags: deviceFlags,
  examples: ['gantry instance disk detach web1 data', 'gantry instance disk detach web1 1'],
  async run(session, given) {
    const params = { ref: given.arg(0, 'instance'), disk: given.arg(1, 'disk').replace(/^.*:(?=\d+$)/, '') };
    const query = { ...queryOf(given), ...wishesOf(given) };
    const answer = await session.client.call('detachDisk', { params, query });
    await conclude(session, given, answer, ({ status }) => {
      const name = status.result?.['name'];
      return typeof name === 'string' ? `gantry disk show ${name}` : '';
    });
  },
};

const unsettable = ['bus', 'cache', 'read-only', 'limits'];

export const instanceDiskSet: Verb = {
  words: 'instance disk set',
  summary: 'bus, cache and limits of a disk in its instance',
  details:
    'Limits reach a running guest at once; bus, cache and read-only reach it at its next start. A limit of `none` is taken off.',
  arguments: [placeArgument],
  flags: [
    busFlag,
    cacheFlag,
    { flags: '--read-only <yes|no>', description: 'the guest cannot write it', choices: ['yes', 'no'] },
    limitFlag,
    {
      flags: '--unset <setting>',
      description: `back to what is inherited: ${unsettable.join(', ')}`,
      many: true,
      choices: unsettable,
    },
    ...deviceFlags,
  ],
  examples: [
    'gantry instance disk set web1:0 --limit write-iops=1000 --limit read=300MB/s',
    'gantry instance disk set web1:1 --cache none --bus scsi',
  ],
  async run(session, given) {
    const { ref, place } = placeOf(given.arg(0, 'disk'));
    const params = { ref, disk: place };
    const body = setBody(given);
    const answer = await session.client.call('setDisk', { params, query: queryOf(given), body });
    if ('status' in answer && !given.on('detach') && session.out.forPeople)
      sayChanges(session, answer.spec.input);
    await conclude(session, given, answer);
  },
};

const none = {
  totalBytes: null,
  readBytes: null,
  writeBytes: null,
  totalIops: null,
  readIops: null,
  writeIops: null,
};

/** @throws GantryError `usage` where nothing is given */
function setBody(given: Given): Body<'setDisk'> {
  const unset = given.all('unset');
  const limits = { ...(unset.includes('limits') ? none : {}), ...parseLimits(given.all('limit')) };
  const body = {
    ...(unset.includes('bus') ? { bus: null } : {}),
    ...(unset.includes('cache') ? { cache: null } : {}),
    ...(unset.includes('read-only') ? { readOnly: null } : {}),
    ...given.put('bus', 'bus', (text) => text as (typeof attachBuses)[number]),
    ...given.put('cache', 'cache', (text) => text as (typeof diskCaches)[number]),
    ...given.put('readOnly', 'readOnly', parseYesNo),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
  };
  if (Object.keys(body).length === 0)
    throw err('usage', { what: 'nothing to set: give --limit, --cache, --bus, --read-only or --unset' });
  return { ...body, ...wishesOf(given) } as Body<'setDisk'>;
}

/** When the guest gets what. */
function sayChanges(session: Session, input: Record<string, unknown>): void {
  const changes = (input['changes'] ?? []) as Record<string, string>[];
  if (changes.length === 0) {
    session.note('it is so already');
    return;
  }
  const row = ({ setting, from, to, applies, why }: Record<string, string>) =>
    [setting, from, to, applies === 'now' ? 'now' : 'at next start', why].map((cell) => cell ?? '-');
  session.out.line(table(['SETTING', 'FROM', 'TO', 'APPLIES', 'WHY'], changes.map(row)));
}
