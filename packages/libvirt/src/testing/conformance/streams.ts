/** Streams: a console. */
import { strict as assert } from 'node:assert';
import { isInvalidState } from '../../errors.ts';
import { type ConformanceCheck, withGuest } from './check.ts';

export const streamChecks: readonly ConformanceCheck[] = [
  {
    title: 'carries a console both ways and ends it',
    run: (context) =>
      withGuest(context, async (dom) => {
        const { lv } = context;
        await assert.rejects(lv.domainOpenConsole({ dom }), isInvalidState);
        const started = await lv.domainCreateWithFlags({ dom });
        await context.booted(started);
        const { readable, writable, closed } = await lv.domainOpenConsole({ dom });
        const writer = writable.getWriter();
        const reader = readable.getReader();
        await writer.write(Buffer.from('hi'));
        let heard = '';
        while (!heard.includes('hi')) {
          const { value, done } = await reader.read();
          assert.equal(done, false);
          heard += Buffer.from(value ?? []).toString();
        }
        await writer.close();
        await closed;
      }),
  },
];
