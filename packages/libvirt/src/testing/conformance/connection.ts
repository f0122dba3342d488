/** The connection: what the server tells of itself, and calls in flight. */
import { strict as assert } from 'node:assert';
import { type ConformanceCheck, withGuest } from './check.ts';

export const connectionChecks: readonly ConformanceCheck[] = [
  {
    title: 'tells type, versions and host name',
    async run({ lv }) {
      assert.equal(await lv.connectGetType(), 'QEMU');
      assert.ok((await lv.connectGetVersion()) > 1_000_000);
      assert.ok((await lv.connectGetLibVersion()) > 1_000_000);
      assert.notEqual(await lv.connectGetHostname(), '');
    },
  },
  {
    title: 'answers many calls in flight each with its own answer',
    run: (context) =>
      withGuest(context, async (dom) => {
        const { lv } = context;
        const calls = Array.from({ length: 300 }, (_, index) =>
          index % 2 === 0 ? lv.domainLookupByName({ name: dom.name }) : lv.connectGetLibVersion(),
        );
        const answers = await Promise.all(calls);
        for (const [index, answer] of answers.entries())
          assert.equal(typeof answer, index % 2 === 0 ? 'object' : 'number');
      }),
  },
];
