/** Another size with the way back open. */
import { type Body, err, parseDurationMs, parseMiB } from '@gantry/model';
import type { Given } from '../../given.ts';
import { flavorNames, instanceArgument } from '../../names.ts';
import { conclude, operationFlags, wishFlags } from '../../operations/submit.ts';
import { parseCount } from '../../parse.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { roomChangeFlags, roomChanges } from '../room-flags.ts';

export const instanceResize: Verb = {
  words: 'instance resize',
  summary: 'give an instance another size, and keep the way back open until that is confirmed',
  details: [
    'What a running guest takes while it runs it takes so; otherwise it is stopped, and started with the new size. Until',
    '--confirm its node holds the larger of both sizes and the CPUs, pages and devices of both, and --revert takes it back.',
    'With --confirm-resize-after of instance, group or cluster it is confirmed by itself; with --no-revert nothing is held',
    'once it runs with the new size.',
  ].join('\n'),
  arguments: [instanceArgument],
  flags: [
    { flags: '--flavor <flavor>', description: 'its sizes and extra specs', complete: flavorNames },
    { flags: '--vcpus <count>', description: 'virtual CPUs' },
    { flags: '--memory <size>', description: 'memory with its unit (1G)' },
    ...roomChangeFlags,
    { flags: '--confirm', description: 'keep the new size' },
    { flags: '--revert', description: 'back to the size before' },
    { flags: '--no-revert', description: 'without a way back once it has the new size' },
    ...wishFlags,
    ...operationFlags,
  ],
  examples: [
    'gantry instance resize web1 --flavor large',
    'gantry instance resize web1 --confirm',
    'gantry instance resize web1 --revert',
  ],
  async run(session, given) {
    const params = { ref: given.arg(0, 'name') };
    const query = given.on('plan') ? { plan: true } : {};
    const { client } = session;
    const size = sizeOf(given);
    const final = given.off('revert');
    const wishes = [given.on('confirm'), given.on('revert'), Object.keys(size).length > 0 || final];
    if (wishes.filter(Boolean).length !== 1)
      throw err('usage', {
        what: 'give one of: another size (--flavor, --memory, ...), --confirm, --revert',
      });
    if (given.on('confirm')) return await confirm(session, given, params.ref);
    const rest = {
      ...given.put('deadlineMs', 'deadline', parseDurationMs),
      ...given.string('reason', 'reason'),
    };
    const answer = given.on('revert')
      ? await client.call('revertInstanceResize', { params, query, body: rest })
      : await client.call('resizeInstance', {
          params,
          query,
          body: { ...size, ...(final ? { noRevert: true } : {}), ...rest },
        });
    const next =
      final || given.on('revert') ? '' : `gantry instance resize ${params.ref} --confirm | --revert`;
    await conclude(session, given, answer, () => next);
  },
};

const sizeOf = (given: Given): Body<'resizeInstance'> => ({
  ...given.string('flavor', 'flavor'),
  ...given.put('vcpus', 'vcpus', parseCount),
  ...given.put('memoryMiB', 'memory', parseMiB),
  ...roomChanges(given),
});

async function confirm({ client, out }: Session, given: Given, ref: string): Promise<void> {
  const query = given.on('plan') ? { plan: true } : {};
  const after = await client.call('confirmInstanceResize', { params: { ref }, query });
  await out.object(
    after,
    after.name,
    () => `${after.name} ${given.on('plan') ? 'would keep' : 'keeps'} its size`,
  );
}
