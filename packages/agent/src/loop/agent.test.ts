import { err } from '@gantry/model';
import { afterEach, describe, expect, test } from 'vitest';
import { actOf, assignmentsOf, domainOf, guestOf, ids, observationOf } from '../testing/assignments.ts';
import { type TestAgent, testAgent } from '../testing/test-agent.ts';

let agent: TestAgent;
afterEach(() => agent.stop());

const life = { ...guestOf().spec.life, onCrash: 'stop', onPoweroff: 'stop' } as const;

/** A guest that runs, as its agent has seen. */
async function running(change: Parameters<typeof guestOf>[0] = { life }): Promise<void> {
  const observation = observationOf({ domains: [domainOf('running')] });
  agent = await testAgent(assignmentsOf({ guests: [guestOf(change)] }), observation);
  await agent.pass(100);
  expect(agent.guest()).toMatchObject({ state: 'running' });
}

/** A look shows it down. */
async function seenDown(reason: string): Promise<void> {
  agent.observation = observationOf({ domains: [domainOf('shutoff', reason)] });
  await agent.tell('other');
  await agent.pass(100);
}

describe('why a guest is down', () => {
  test.each([
    ['crashed', 'panic', { state: 'crashed', endedBy: 'panic' }],
    ['crashed', 'watchdog', { state: 'stopped', endedBy: 'watchdog' }],
    ['shutdown', 'crash', { state: 'crashed', endedBy: 'crash' }],
    ['crashed', 'guest-poweroff', { state: 'stopped', endedBy: 'guest-poweroff' }],
  ] as const)('seen first as %s, told afterwards as %s: the word counts', async (reason, what, status) => {
    await running();
    await seenDown(reason);
    expect(agent.guest()).toMatchObject({ endedBy: reason === 'crashed' ? 'crash' : 'guest-poweroff' });
    await agent.tell(what);
    await agent.pass(100);
    expect(agent.guest()).toMatchObject(status);
    expect(agent.reports.flatMap(({ events = [] }) => events)).toMatchObject([{ type: `guest.${what}` }]);
    expect(agent.actions).toEqual([]);
  });

  test.each(['stopped', 'other', 'io-error', 'started'] as const)('%s tells no cause', async (what) => {
    await running();
    await seenDown('crashed');
    await agent.tell(what);
    await agent.pass(100);
    expect(agent.guest()).toMatchObject({ state: 'crashed', endedBy: 'crash' });
  });

  test('the operator’s stop stays his, whatever is told late', async () => {
    await running();
    agent.assignments = assignmentsOf({ guests: [guestOf({ life, power: 'stopped' }, 2)] });
    agent.state.fetch.set();
    await agent.pass(100);
    expect(agent.actions).toMatchObject([{ do: 'guest.shutdown' }]);
    await seenDown('shutdown');
    await agent.tell('guest-poweroff');
    await agent.pass(100);
    expect(agent.guest()).toMatchObject({ state: 'stopped', endedBy: 'operator' });
  });
});

test('one that was wanted anew since it ended is started, once: its next ending is its own', async () => {
  await running();
  agent.observation = observationOf({ domains: [domainOf('shutoff', 'shutdown')] });
  agent.assignments = assignmentsOf({ guests: [guestOf({ life }, 2)] });
  agent.state.fetch.set();
  await agent.pass(100);
  expect(agent.actions).toMatchObject([{ do: 'guest.start', because: 'wanted' }]);
  await agent.tell('other');
  await agent.pass(2000);
  expect(agent.actions).toHaveLength(1);
  expect(agent.guest()).toMatchObject({ state: 'stopped', endedBy: 'guest-poweroff' });
});

test('what ends while the node is looked at is judged by the next look', async () => {
  await running({ life: { ...life, onCrash: 'restart' } });
  agent.perform = (action) => {
    if (action.do === 'guest.start') agent.observation = observationOf({ domains: [domainOf('running')] });
  };
  agent.observation = observationOf({ domains: [domainOf('crashed', 'crashed')] });
  await agent.tell('crash');
  expect(agent.actions).toMatchObject([{ do: 'guest.start', because: 'crash' }]);
  agent.lookMs = 1000;
  await agent.tell('started');
  await agent.pass(1000);
  agent.lookMs = 0;
  await agent.pass(2000);
  expect(agent.guest()).toMatchObject({ state: 'running', restarts: 1 });
  expect(agent.actions).toHaveLength(1);
});

describe('what ends during a look', () => {
  /** A look that began before the action under way ended, and ends after it. */
  async function lookAcross(): Promise<void> {
    agent.lookMs = 200;
    await agent.tell('other');
    await agent.pass(100);
    agent.lookMs = 0;
    await agent.pass(100);
  }

  test('a start is no ending: it is under way until it is seen to run', async () => {
    agent = await testAgent();
    agent.perform = (action) => {
      if (action.do === 'guest.start') agent.observation = observationOf({ domains: [domainOf('running')] });
    };
    expect(agent.actions).toMatchObject([{ do: 'guest.start', because: 'wanted' }]);
    await lookAcross();
    await agent.pass(100);
    expect(agent.guest()).toMatchObject({ state: 'running', startedAt: expect.any(String) });
    expect(agent.guest()).not.toHaveProperty('restarts');
    expect(agent.actions).toHaveLength(1);
    const told = agent.reports.flatMap(({ statuses }) =>
      statuses.flatMap((one) => (one.kind === 'guest' ? [one.status] : [])),
    );
    expect(told.filter(({ startedAt }) => startedAt).map(({ state }) => state)).toEqual(['running']);
    expect(told.every(({ state }) => state === 'starting' || state === 'running')).toBe(true);
    expect(agent.reports.flatMap(({ events = [] }) => events)).toEqual([]);
  });

  test('an act is done when what it did is told with it', async () => {
    await running();
    const posted = actOf();
    const action = { ...posted.spec.action, kind: 'guest.pause' as const };
    const acts = [{ ...posted, spec: { ...posted.spec, action } }];
    agent.assignments = assignmentsOf({ guests: [guestOf({ life })], acts });
    agent.perform = () => {
      agent.observation = observationOf({ domains: [domainOf('paused', 'user')] });
    };
    agent.state.fetch.set();
    await agent.pass(1);
    expect(agent.actions).toMatchObject([{ do: 'act.perform' }]);
    await lookAcross();
    await agent.pass(100);
    const done = agent.reports.find(({ statuses }) =>
      statuses.some((one) => one.kind === 'act' && one.status.state === 'done'),
    );
    expect(done?.statuses).toContainEqual(
      expect.objectContaining({ kind: 'guest', status: expect.objectContaining({ state: 'paused' }) }),
    );
  });
});

describe('what fails is tried again', () => {
  const tries = () => agent.actions.filter((action) => action.do === 'guest.start').length;

  test.each([
    ['hypervisor_unreachable', 500, 1000],
    ['hypervisor_slow', 500, 1000],
    ['hypervisor_error', 5000, 10_000],
  ] as const)('%s: after %i ms, then after %i ms', async (code, firstMs, secondMs) => {
    agent = await testAgent();
    agent.perform = (action) => {
      if (action.do === 'guest.start') throw err(code, { node: 'n1', why: 'w', call: 'c', message: 'm' });
    };
    await agent.pass(100);
    expect(tries()).toBe(1);
    for (const [index, waitMs] of [firstMs, secondMs].entries()) {
      await agent.pass(waitMs / 2);
      expect(tries()).toBe(index + 1);
      expect(agent.guest()).toMatchObject({ error: { code } });
      await agent.pass(0.7 * waitMs);
      expect(tries()).toBe(index + 2);
    }
  });

  test('a removal is taken up again after a libvirt that restarts', async () => {
    await running();
    agent.perform = () => {
      throw err('hypervisor_unreachable', { node: 'n1', why: 'it restarts' });
    };
    agent.assignments = assignmentsOf({ guests: [guestOf({ remove: true }, 2)] });
    agent.state.fetch.set();
    await agent.pass(200);
    agent.perform = () => undefined;
    const destroyed = () => agent.actions.filter((action) => action.do === 'guest.destroy').length;
    expect(destroyed()).toBe(1);
    await agent.pass(600);
    expect(destroyed()).toBeGreaterThan(1);
  });
});

describe('a reboot inside QEMU', () => {
  test('forgets the signs of life of the boot before, and asks for those of the new one', async () => {
    agent = await testAgent();
    agent.perform = (action) => {
      if (action.do === 'guest.start') agent.observation = observationOf({ domains: [domainOf('running')] });
    };
    await agent.pass(100);
    const sign = async (index: number, what: 'ping' | 'ssh') => {
      agent.probes[index]?.onLive(what, agent.state.journal.guests[ids.instance]?.startedAt ?? 0);
      await agent.pass(100);
    };
    await sign(0, 'ping');
    await sign(0, 'ssh');
    expect(agent.guest()).toMatchObject({ state: 'running', firstPingAt: expect.any(String) });
    expect(agent.guest()).not.toHaveProperty('rebootedAt');

    await agent.tell('guest-reboot');
    await agent.pass(100);
    expect(agent.guest()).toMatchObject({ state: 'running', rebootedAt: expect.any(String) });
    for (const key of ['firstPingAt', 'sshReadyAt']) expect(agent.guest()).not.toHaveProperty(key);

    // A late answer of the boot before counts for nothing.
    await sign(0, 'ssh');
    expect(agent.guest()).not.toHaveProperty('sshReadyAt');
    expect(agent.probes).toHaveLength(2);
    await sign(1, 'ping');
    expect(agent.guest()).toHaveProperty('firstPingAt');

    await agent.tell('guest-reboot');
    await agent.pass(100);
    expect(agent.probes[1]?.signal.aborted).toBe(true);
    expect(agent.probes).toHaveLength(3);
  });
});
