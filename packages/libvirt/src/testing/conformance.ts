/**
 * What the client promises, as a list of checks that any libvirt server must pass: the fake one in the unit tests,
 * a real one in the integration tests. Knows no test runner; a check fails by throwing.
 */
import { strict as assert } from 'node:assert';
import type { LibvirtClient } from '../client.ts';
import {
  virDomainCreateFlags,
  virDomainEventType,
  virDomainState,
  virDomainUndefineFlagsValues,
} from '../enums/domain.ts';
import { virErrorNumber } from '../enums/error.ts';
import { isInvalidInput, isInvalidState, isNotFound, isUnsupported, LibvirtError } from '../errors.ts';
import type { Domain } from '../objects.ts';
import type { DomainEvent, DomainEventKind } from '../procedures/domain-events.ts';

/** What a check gets: a client and a guest to play with. */
export interface ConformanceContext {
  readonly lv: LibvirtClient;
  /** XML of a guest with this identity that the server can run and that obeys a shutdown request. */
  guestXml(identity: { name: string; uuid: string; extra?: string }): string;
  newUuid(): string;
  /** Resolves once the guest just started would obey a shutdown request. */
  booted(dom: Domain): Promise<void>;
}

export interface ConformanceCheck {
  readonly title: string;
  run(context: ConformanceContext): Promise<void>;
}

type Lifecycle = Extract<DomainEvent, { kind: 'lifecycle' }>;
const EVENT_NAMES = new Map<number, string>(
  Object.entries(virDomainEventType).map(([name, value]) => [
    value,
    name.replace('VIR_DOMAIN_EVENT_', '').toLowerCase(),
  ]),
);

const named = ({ event, detail }: Lifecycle): string => `${EVENT_NAMES.get(event)}/${detail}`;

/** Collects the lifecycle events of one domain until it is told to stop. */
async function record(lv: LibvirtClient, uuid: string): Promise<{ until(last: string): Promise<string[]> }> {
  const events = lv.domainEvents(['lifecycle']);
  await events.ready;
  const seen: string[] = [];
  return {
    async until(last) {
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) throw new Error(`the events ended before ${last}: ${seen.join(' ')}`);
        if (value.kind === 'missed') throw new Error('events were missed');
        // told late by a busy daemon: it is of the definition before the recording
        if (named(value) === 'defined/0') continue;
        if (value.dom.uuid === uuid) seen.push(named(value));
        if (value.dom.uuid === uuid && named(value) === last) return seen.splice(0);
      }
    },
  };
}

async function withGuest(
  context: ConformanceContext,
  use: (dom: Domain, uuid: string) => Promise<void>,
  extra = '',
): Promise<void> {
  const uuid = context.newUuid();
  const xml = context.guestXml({ name: `check-${uuid.slice(0, 8)}`, uuid, extra });
  const dom = await context.lv.domainDefineXmlFlags({ xml });
  try {
    await use(dom, uuid);
  } finally {
    await context.lv.domainDestroyFlags({ dom }).catch(() => {});
    const flags = virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE;
    await context.lv.domainUndefineFlags({ dom, flags }).catch(() => {});
  }
}

async function stateOf(lv: LibvirtClient, dom: Domain): Promise<[number, number]> {
  const { state, reason } = await lv.domainGetState({ dom });
  return [state, reason];
}

/** QEMU's own goodbye (`shutdown/2`) may or may not get through before libvirt has killed it. */
const withoutGoodbye = (events: readonly string[]): string[] =>
  events.filter((name) => name !== 'shutdown/2');

export const conformanceChecks: readonly ConformanceCheck[] = [
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
    title: 'finds a defined domain by name and UUID, and lists it',
    run: (context) =>
      withGuest(context, async (dom) => {
        const { lv } = context;
        assert.equal(dom.id, -1);
        assert.deepEqual(await lv.domainLookupByUuid({ uuid: dom.uuid }), dom);
        assert.deepEqual(await lv.domainLookupByName({ name: dom.name }), dom);
        assert.ok((await lv.connectListAllDomains()).some(({ uuid }) => uuid === dom.uuid));
        assert.deepEqual(await stateOf(lv, dom), [virDomainState.VIR_DOMAIN_SHUTOFF, 0]);
        assert.match(await lv.domainGetXmlDesc({ dom }), new RegExp(dom.uuid));
        assert.equal(await lv.domainIsPersistent({ dom }), true);
        assert.equal(await lv.domainIsActive({ dom }), false);
      }),
  },
  {
    title: 'says with a name what does not exist',
    async run({ lv, newUuid }) {
      const error = await lv.domainLookupByUuid({ uuid: newUuid() }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof LibvirtError);
      assert.ok(isNotFound(error));
      assert.equal(error.codeName, 'VIR_ERR_NO_DOMAIN');
      assert.equal(error.domainName, 'VIR_FROM_QEMU');
      assert.equal(error.level, 'error');
      assert.equal(error.call, 'domainLookupByUuid');
      assert.match(error.message, /no domain with matching uuid/);
      await assert.rejects(lv.domainLookupByName({ name: 'no such domain' }), isNotFound);
      await assert.rejects(lv.domainLookupById({ id: 2_000_000_000 }), isNotFound);
    },
  },
  {
    title: 'refuses bad XML and clashing identities',
    run: (context) =>
      withGuest(context, async (dom) => {
        const { lv } = context;
        await assert.rejects(lv.domainDefineXmlFlags({ xml: '<domain' }), isInvalidInput);
        await assert.rejects(lv.domainDefineXmlFlags({ xml: '<pool/>' }), isInvalidInput);
        const clash = { code: virErrorNumber.VIR_ERR_OPERATION_FAILED };
        const sameName = context.guestXml({ name: dom.name, uuid: context.newUuid() });
        await assert.rejects(lv.domainDefineXmlFlags({ xml: sameName }), clash);
        const sameUuid = context.guestXml({ name: `${dom.name}-other`, uuid: dom.uuid });
        await assert.rejects(lv.domainDefineXmlFlags({ xml: sameUuid }), clash);
      }),
  },
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
    title: 'refuses actions at the end that QEMU cannot combine',
    async run(context) {
      const xml = context.guestXml({
        name: 'unsupported',
        uuid: context.newUuid(),
        extra: '<on_poweroff>restart</on_poweroff><on_reboot>destroy</on_reboot>',
      });
      await assert.rejects(context.lv.domainDefineXmlFlags({ xml }), isUnsupported);
    },
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
  {
    title: 'keeps a running domain when its definition goes, and takes the definition back',
    run: (context) =>
      withGuest(context, async (dom, uuid) => {
        const { lv } = context;
        await lv.domainCreateWithFlags({ dom });
        await lv.domainUndefineFlags({ dom });
        assert.equal(await lv.domainIsPersistent({ dom }), false);
        await assert.rejects(lv.domainUndefineFlags({ dom }), isInvalidState);
        await assert.rejects(lv.domainSetAutostart({ dom, autostart: true }), isInvalidState);
        await lv.domainDefineXmlFlags({ xml: context.guestXml({ name: dom.name, uuid }) });
        assert.equal(await lv.domainIsPersistent({ dom }), true);
        assert.deepEqual(await stateOf(lv, dom), [1, 1]);
      }),
  },
  {
    title: 'forgets a transient domain when it stops',
    async run(context) {
      const { lv } = context;
      const uuid = context.newUuid();
      const xmlDesc = context.guestXml({ name: `transient-${uuid.slice(0, 8)}`, uuid });
      const dom = await lv.domainCreateXml({ xmlDesc });
      assert.equal(await lv.domainIsPersistent({ dom }), false);
      await lv.domainDestroyFlags({ dom });
      await assert.rejects(lv.domainLookupByUuid({ uuid }), isNotFound);
    },
  },
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
