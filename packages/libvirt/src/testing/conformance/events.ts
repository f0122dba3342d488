/** Events of one domain. */
import { strict as assert } from 'node:assert';
import type { DomainEventKind } from '../../procedures/domain-events.ts';
import { type ConformanceCheck, withGuest } from './check.ts';

export const eventChecks: readonly ConformanceCheck[] = [
  {
    title: 'sends events only of the domain asked for, and none after the loop is left',
    run: (context) =>
      withGuest(context, async (dom) =>
        withGuest(context, async (other) => {
          const { lv } = context;
          const kinds: DomainEventKind[] = ['lifecycle'];
          const events = lv.domainEvents(kinds, { dom });
          await events.ready;
          await lv.domainSetAutostart({ dom: other, autostart: false });
          await lv.domainCreateWithFlags({ dom: other });
          await lv.domainCreateWithFlags({ dom });
          const { value } = await events.next();
          assert.ok(value !== undefined && value.kind === 'lifecycle');
          assert.equal(value.dom.uuid, dom.uuid);
          await events.return?.();
          assert.deepEqual(await events.next(), { done: true, value: undefined });
        }),
      ),
  },
];
