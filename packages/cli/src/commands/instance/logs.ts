import { pipeline } from 'node:stream/promises';
import { parseBytes } from '@gantry/model';
import type { Sink } from '../../io.ts';
import { instanceArgument } from '../../names.ts';
import { PrintableBytes } from '../../output/printable.ts';
import type { Verb } from '../../verb.ts';

export const instanceLogs: Verb = {
  words: 'instance logs',
  shortcut: 'logs',
  summary: 'what the guest wrote to its serial console',
  arguments: [instanceArgument],
  flags: [
    { flags: '-f, --follow', description: 'go on with what comes' },
    { flags: '--tail <size>', description: 'only the last part, such as 4K' },
  ],
  examples: ['gantry logs web1', 'gantry logs web1 --follow --tail 4K'],
  async run(session, given) {
    const query = {
      ...(given.on('follow') ? { follow: true } : {}),
      ...given.put('tailBytes', 'tail', parseBytes),
    };
    const stop = new AbortController();
    const off = session.io.onInterrupt(() => stop.abort());
    try {
      const params = { ref: given.arg(0, 'name') };
      const log = await session.client.download('instanceLogs', { params, query }, { signal: stop.signal });
      const { stdout } = session.io;
      await pipeline(log, shown(stdout), stdout, { end: false, signal: stop.signal });
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      off();
    }
  },
};

const shown = (sink: Sink) =>
  async function* (chunks: AsyncIterable<Uint8Array>) {
    const text = new PrintableBytes(sink);
    for await (const chunk of chunks) yield text.push(chunk);
    yield text.end();
  };
