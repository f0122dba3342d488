/** CD drives of an instance: given, taken away, filled, emptied. */
import { type Body, type CdBus, cdBuses, err, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instanceArgument, isoNames } from '../../names.ts';
import { conclude, deviceFlags } from '../../operations/submit.ts';
import type { Argument, Flag, Verb } from '../../verb.ts';

const drive: Argument = {
  name: 'INSTANCE[:N]',
  description: 'an instance and the place of the drive in it; default: 0',
  complete: async ({ client }) => {
    const { items } = await client.call('listInstances', { query: { limit: 1000 } });
    return items.flatMap(({ name, spec }) => (spec.cds ?? []).map(({ slot }) => `${name}:${slot}`));
  },
};
const isoArgument: Argument = { name: 'IMAGE', description: 'an ISO image', complete: isoNames };
const forceFlag: Flag = {
  flags: '--force',
  description: 'also where the guest has locked the tray: what it reads just then fails',
};

const wishesOf = (given: Given) => ({
  ...given.put('deadlineMs', 'deadline', parseDurationMs),
  ...given.string('reason', 'reason'),
});
const queryOf = (given: Given) => (given.on('plan') ? { plan: true } : {});
const forceOf = (given: Given) => (given.on('force') ? { force: true } : {});

/** `web1`, `web1:1`. @throws GantryError `invalid_argument` */
export function driveOf(text: string): { ref: string; cd: string } {
  const match = /^([^:]+)(?::(\d))?$/.exec(text);
  if (match?.[1]) return { ref: match[1], cd: match[2] ?? '0' };
  throw err('invalid_argument', {
    what: JSON.stringify(text.slice(0, 128)),
    wanted: 'an instance, or an instance and the place of a drive in it, such as web1:1',
  });
}

export const instanceCdAttach: Verb = {
  words: 'instance cd attach',
  summary: 'give an instance a CD drive, empty or with an ISO image in it',
  details:
    'A running guest gets it at once on SCSI, and at its next start on SATA and IDE. An instance that was made with --cdrom, or from an ISO image, has one already.',
  arguments: [instanceArgument, { ...isoArgument, name: '[IMAGE]' }],
  flags: [
    {
      flags: '--bus <bus>',
      description: 'bus in the guest; default: as its image and its machine say',
      choices: cdBuses,
    },
    ...deviceFlags,
  ],
  examples: ['gantry instance cd attach web1', 'gantry instance cd attach web1 debian-12-netinst --bus scsi'],
  async run(session, given) {
    const image = given.args[1];
    const body = {
      ...(image === undefined ? {} : { image }),
      ...given.put('bus', 'bus', (text) => text as CdBus),
      ...wishesOf(given),
    } satisfies Body<'attachCd'>;
    const params = { ref: given.arg(0, 'instance') };
    await conclude(
      session,
      given,
      await session.client.call('attachCd', { params, query: queryOf(given), body }),
    );
  },
};

export const instanceCdDetach: Verb = {
  words: 'instance cd detach',
  summary: 'take a CD drive from an instance',
  details:
    'What lies in it stays an image. A running guest gives it up at once on SCSI, and at its next start on SATA and IDE.',
  arguments: [drive],
  flags: deviceFlags,
  examples: ['gantry instance cd detach web1', 'gantry instance cd detach web1:1'],
  async run(session, given) {
    const params = driveOf(given.arg(0, 'CD drive'));
    const query = { ...queryOf(given), ...wishesOf(given) };
    await conclude(session, given, await session.client.call('detachCd', { params, query }));
  },
};

export const instanceCdInsert: Verb = {
  words: 'instance cd insert',
  summary: 'put an ISO image into a CD drive of an instance',
  details:
    'A running guest finds it in the drive at once. Its node fetches the image first, where it does not have it. The image cannot be deleted as long as it lies in a drive.',
  arguments: [drive, isoArgument],
  flags: [forceFlag, ...deviceFlags],
  examples: [
    'gantry instance cd insert web1 debian-12-netinst',
    'gantry instance cd insert web1:1 virtio-win --deadline 5m',
  ],
  async run(session, given) {
    const params = driveOf(given.arg(0, 'CD drive'));
    const body = { image: given.arg(1, 'image'), ...forceOf(given), ...wishesOf(given) };
    await conclude(
      session,
      given,
      await session.client.call('insertCd', { params, query: queryOf(given), body }),
    );
  },
};

export const instanceCdEject: Verb = {
  words: 'instance cd eject',
  summary: 'take the ISO image out of a CD drive of an instance',
  details:
    'A guest that has locked the tray, because it has the CD mounted, keeps it, and the command says so; --force takes it out all the same. An empty drive is left as it is.',
  arguments: [drive],
  flags: [forceFlag, ...deviceFlags],
  examples: ['gantry instance cd eject web1', 'gantry instance cd eject web1:1 --force'],
  async run(session, given) {
    const params = driveOf(given.arg(0, 'CD drive'));
    const query = { ...queryOf(given), ...forceOf(given), ...wishesOf(given) };
    await conclude(session, given, await session.client.call('ejectCd', { params, query }));
  },
};
