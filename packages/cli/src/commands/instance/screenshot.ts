import { writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { err, formatBytes } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import type { Verb } from '../../verb.ts';

export const instanceScreenshot: Verb = {
  words: 'instance screenshot',
  summary: 'a picture of what an instance shows on its screen',
  details: 'As PNG; `-` is standard output.',
  arguments: [instanceArgument],
  flags: [{ flags: '--out <file>', description: 'where the picture goes', required: true }],
  examples: ['gantry instance screenshot web1 --out web1.png'],
  async run(session, given) {
    const ref = given.arg(0, 'name');
    const file = given.text('out') ?? '';
    const png = await buffer(await session.client.download('instanceScreenshot', { params: { ref } }));
    if (file === '-') return void session.io.stdout.write(png);
    try {
      writeFileSync(file, png);
    } catch (error) {
      throw err('invalid_argument', { what: file, wanted: `writable: ${(error as Error).message}` }, error);
    }
    session.note(`${file}: ${formatBytes(png.length)}`);
  },
};
