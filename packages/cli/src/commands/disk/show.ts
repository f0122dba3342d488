import type { Verb } from '../../verb.ts';
import { describeDisk, withNames } from './disk.ts';
import { diskArgument } from './names.ts';

export const diskShow: Verb = {
  words: 'disk show',
  summary: 'a disk, where it is and who has it',
  arguments: [diskArgument],
  examples: ['gantry disk show data', 'gantry disk show web1:0'],
  async run(session, given) {
    const disk = await session.client.call('getDisk', { params: { ref: given.arg(0, 'disk') } });
    const [shown] = await withNames(session, [disk]);
    await session.out.object(disk, disk.name, () => describeDisk(shown ?? disk));
  },
};
