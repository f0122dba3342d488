import { diskTemplates, parseMiB } from '@gantry/model';
import { planFlag } from '../../operations/submit.ts';
import { parsePairs } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { describeDisk } from './disk.ts';

export const diskCreate: Verb = {
  words: 'disk create',
  summary: 'create a disk of its own',
  details:
    'Its bytes are made on the node of the first instance that it is attached to, and stay there: from then on it can be attached to instances of that node only. It outlives its instances.',
  arguments: [{ name: 'NAME', description: 'name of the disk' }],
  flags: [
    { flags: '--size <size>', description: 'size with its unit, such as 10G', required: true },
    { flags: '--template <template>', description: 'how it is kept', choices: diskTemplates },
    { flags: '--label <key=value>', description: 'label', many: true },
    planFlag,
  ],
  examples: ['gantry disk create data --size 10G'],
  async run({ client, out }, given) {
    const labels = parsePairs(given.all('label'));
    const body = {
      name: given.arg(0, 'name'),
      sizeMiB: parseMiB(given.text('size') ?? ''),
      ...given.put('template', 'template', (text) => text as (typeof diskTemplates)[number]),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
    };
    const query = given.on('plan') ? { plan: true } : {};
    const disk = await client.call('createDisk', { query, body });
    await out.object(disk, disk.name, () => describeDisk(disk));
  },
};
