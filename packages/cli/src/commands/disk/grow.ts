import { type Body, parseBytes, parseDurationMs } from '@gantry/model';
import { conclude, operationFlags, wishFlags } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { diskArgument } from './names.ts';

export const diskGrow: Verb = {
  words: 'disk grow',
  summary: 'make a disk larger, also under a running guest',
  details:
    'A running guest sees the new size at once; the file system inside it is the guest’s own to grow. No disk shrinks.',
  arguments: [diskArgument, { name: 'SIZE', description: 'by how much (+10G), or how large (40G)' }],
  flags: [...wishFlags, ...operationFlags],
  examples: ['gantry disk grow web1:0 +10G', 'gantry disk grow data 40G'],
  async run(session, given) {
    const params = { ref: given.arg(0, 'disk') };
    const size = given.arg(1, 'size');
    const by = size.startsWith('+');
    const body: Body<'growDisk'> = {
      ...(by ? { byBytes: parseBytes(size.slice(1)) } : { sizeBytes: parseBytes(size) }),
      ...given.put('deadlineMs', 'deadline', parseDurationMs),
      ...given.string('reason', 'reason'),
    };
    const query = given.on('plan') ? { plan: true } : {};
    await conclude(session, given, await session.client.call('growDisk', { params, query, body }));
  },
};
