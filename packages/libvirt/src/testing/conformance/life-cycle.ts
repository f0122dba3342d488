/** From define to undefine: states, events, and what each state refuses. */
import { strict as assert } from 'node:assert';
import { virDomainCreateFlags } from '../../enums/domain-flags.ts';
import { isInvalidState, isNotFound } from '../../errors.ts';
import { type ConformanceCheck, stateOf, withGuest } from './check.ts';
import { record, withoutGoodbye } from './recording.ts';

export const lifeCycleChecks: readonly ConformanceCheck[] = [
  {
    title: 'goes through define, start, suspend, resume, destroy, undefine with the right events and states',
    run: (context) =>
      withGuest(context, async (dom, uuid) => {
        const { lv } = context;
        const events = await record(lv, uuid);
        await lv.domainDefineXmlFlags({ xml: context.guestXml({ name: dom.name, uuid }) });
        assert.deepEqual(await events.until('defined/1'), ['defined/1']);
        const started = await lv.domainCreateWithFlags({ dom });
        assert.ok(started.id > 0);
        assert.deepEqual(await events.until('started/0'), ['resumed/0', 'started/0']);
        assert.deepEqual(await stateOf(lv, dom), [1, 1]);
        assert.deepEqual(await lv.domainLookupById({ id: started.id }), started);
        await assert.rejects(lv.domainCreateWithFlags({ dom }), isInvalidState);
        await lv.domainSuspend({ dom });
        assert.deepEqual(await events.until('suspended/0'), ['suspended/0']);
        assert.deepEqual(await stateOf(lv, dom), [3, 1]);
        await lv.domainSuspend({ dom });
        await lv.domainResume({ dom });
        assert.deepEqual(await events.until('resumed/0'), ['resumed/0']);
        assert.deepEqual(await stateOf(lv, dom), [1, 5]);
        await assert.rejects(lv.domainResume({ dom }), isInvalidState);
        await lv.domainDestroyFlags({ dom });
        assert.deepEqual(withoutGoodbye(await events.until('stopped/1')), ['stopped/1']);
        assert.deepEqual(await stateOf(lv, dom), [5, 2]);
        await lv.domainUndefineFlags({ dom });
        assert.deepEqual(await events.until('undefined/0'), ['undefined/0']);
        await assert.rejects(lv.domainGetState({ dom }), isNotFound);
      }),
  },
  {
    title: 'starts paused, and stops what was paused',
    run: (context) =>
      withGuest(context, async (dom, uuid) => {
        const { lv } = context;
        const events = await record(lv, uuid);
        await lv.domainCreateWithFlags({ dom, flags: virDomainCreateFlags.VIR_DOMAIN_START_PAUSED });
        assert.deepEqual(await events.until('suspended/0'), ['started/0', 'suspended/0']);
        assert.deepEqual(await stateOf(lv, dom), [3, 1]);
        await assert.rejects(lv.domainShutdownFlags({ dom }), isInvalidState);
        await lv.domainDestroyFlags({ dom });
        assert.deepEqual(withoutGoodbye(await events.until('stopped/1')), ['stopped/1']);
      }),
  },
  {
    title: 'refuses what a stopped domain cannot do',
    run: (context) =>
      withGuest(context, async (dom) => {
        const { lv } = context;
        await assert.rejects(lv.domainShutdownFlags({ dom }), isInvalidState);
        await assert.rejects(lv.domainDestroyFlags({ dom }), isInvalidState);
        await assert.rejects(lv.domainSuspend({ dom }), isInvalidState);
        await assert.rejects(lv.domainResume({ dom }), isInvalidState);
        await assert.rejects(lv.domainReset({ dom }), isInvalidState);
        await assert.rejects(lv.domainManagedSave({ dom }), isInvalidState);
      }),
  },
  {
    title: 'takes a power-off for a reboot where on_poweroff says restart',
    run: (context) =>
      withGuest(
        context,
        async (dom) => {
          const { lv } = context;
          const events = lv.domainEvents(['reboot'], { dom });
          await events.ready;
          await context.booted(await lv.domainCreateWithFlags({ dom }));
          await lv.domainShutdownFlags({ dom });
          const { value } = await events.next();
          assert.equal(value?.kind, 'reboot');
          assert.deepEqual(await stateOf(lv, dom), [1, 1]);
          await events.return?.();
        },
        '<on_poweroff>restart</on_poweroff>',
      ),
  },
  {
    title: 'powers a guest off at its request',
    run: (context) =>
      withGuest(context, async (dom, uuid) => {
        const { lv } = context;
        const events = await record(lv, uuid);
        const started = await lv.domainCreateWithFlags({ dom });
        await context.booted(started);
        await events.until('started/0');
        await lv.domainShutdownFlags({ dom });
        assert.deepEqual(await events.until('stopped/0'), ['shutdown/1', 'stopped/0']);
        assert.deepEqual(await stateOf(lv, dom), [5, 1]);
      }),
  },
  {
    title: 'saves memory and starts from it',
    run: (context) =>
      withGuest(context, async (dom, uuid) => {
        const { lv } = context;
        const events = await record(lv, uuid);
        await lv.domainCreateWithFlags({ dom });
        await events.until('started/0');
        await lv.domainManagedSave({ dom });
        assert.deepEqual(await events.until('stopped/4'), ['suspended/0', 'stopped/4']);
        assert.deepEqual(await stateOf(lv, dom), [5, 5]);
        await assert.rejects(lv.domainUndefineFlags({ dom }), isInvalidState);
        await lv.domainCreateWithFlags({ dom });
        assert.deepEqual(await events.until('resumed/2'), ['started/2', 'resumed/2']);
        assert.deepEqual(await stateOf(lv, dom), [1, 3]);
      }),
  },
];
