/** How operations fail, are cancelled and end, with an agent that misbehaves as told. */
import { err, type Operation, type StatusReport, toProblem } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Draft, withSpec } from '../src/store/batch.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const body = { name: 'hello', flavor: 'small', image: 'debian/12' };
const create = (more: object = {}) =>
  cluster.call<Operation>('createInstance', { body: { ...body, ...more } });
const act = (route: 'startInstance' | 'stopInstance' | 'rebootInstance' | 'suspendInstance', more = {}) =>
  cluster.call<Operation>(route, { params: { ref: 'hello' }, body: more });
const cancel = (operation: Operation) =>
  cluster.call<Operation>('cancelOperation', { params: { ref: operation.name } });
const stateOf = async (operation: Operation) => (await cluster.operation(operation.spec.number)).status;

const MINUTE = 60_000;
const space = toProblem(err('no_space', { where: 'n1' }));

/** Changes what the agent says of one kind of thing. */
const says = (kind: StatusReport['kind'], change: (status: StatusReport) => StatusReport['status']) => {
  cluster.agent.alter = (status) =>
    status.kind === kind ? ({ ...status, status: change(status) } as StatusReport) : status;
};
const asItIs = () => {
  cluster.agent.alter = (status) => status;
};

/** Nothing of an instance is left: no row, no claim, no assignment but the network. */
async function expectNothingLeft(): Promise<void> {
  for (const kind of ['instance', 'guest', 'disk', 'act'] as const)
    expect((await cluster.store.list(kind)).items).toEqual([]);
  expect((await cluster.store.list('replica')).items.filter(({ spec }) => spec.what === 'disk')).toEqual([]);
  expect(await cluster.store.claims('mac')).toEqual([]);
  const { id } = (await cluster.store.named('network', 'default'))[0] ?? { id: '' };
  expect(await cluster.store.claims(`ipv4:${id}`)).toEqual([]);
}

describe('create', () => {
  test('a disk that cannot be made: everything is taken back, the cause is kept', async () => {
    says('replica', ({ status }) => (status.state === 'absent' ? status : { state: 'failed', error: space }));
    const operation = await create();
    await settle();
    await cluster.agent.round();
    await settle();
    expect(await stateOf(operation)).toMatchObject({ state: 'cleaning', error: { code: 'no_space' } });
    expect((await cluster.instance('hello')).status.state).toBe('deleting');
    await cluster.converge();
    expect(await stateOf(operation)).toMatchObject({ state: 'failed', error: { code: 'no_space' } });
    await expectNothingLeft();
  });

  test('on storage that is not mounted: told at once, and what may lie there goes when it is seen again', async () => {
    const away = toProblem(err('host_unfit', { why: 'it is not mounted', remedy: 'Mount it.' }));
    says('replica', () => ({ state: 'failed', error: away }));
    const operation = await create();
    await cluster.converge();
    expect(await stateOf(operation)).toMatchObject({ state: 'failed', error: { code: 'host_unfit' } });
    const { replicas } = await cluster.agent.assignments();
    expect(replicas.map(({ spec }) => spec.desired)).toEqual(['absent']);
    asItIs();
    await cluster.call('deleteInstance', { params: { ref: 'hello' } });
    await cluster.converge();
    await expectNothingLeft();
  });

  test('a guest that libvirt refuses: the same', async () => {
    const error = toProblem(err('hypervisor_error', { call: 'domainCreate', message: 'no' }));
    says('guest', ({ status }) => (status.state === 'running' ? { state: 'stopped', error } : status));
    const operation = await create();
    await cluster.converge();
    expect(await stateOf(operation)).toMatchObject({ state: 'failed', error: { code: 'hypervisor_error' } });
    await expectNothingLeft();
  });

  test('a libvirt that restarts meanwhile is waited for, until the deadline', async () => {
    const error = toProblem(err('hypervisor_unreachable', { node: 'n1', why: 'it restarts' }));
    says('guest', ({ status }) => (status.state === 'running' ? { state: 'starting', error } : status));
    const operation = await create({ deadlineMs: MINUTE });
    await cluster.converge();
    expect(await stateOf(operation)).toMatchObject({ state: 'running' });
    asItIs();
    await cluster.converge();
    expect(await stateOf(operation)).toMatchObject({ state: 'succeeded' });
  });

  test('cancelled: taken back; cancelled twice: once', async () => {
    const operation = await create();
    await cancel(operation);
    await cancel(operation);
    await cluster.converge();
    expect(await stateOf(operation)).toMatchObject({
      state: 'cancelled',
      error: { code: 'operation_cancelled' },
    });
    await expectNothingLeft();
    await expect(cancel(operation)).rejects.toMatchObject({ code: 'wrong_state' });
  });

  test('a node that does not answer: failed at the deadline, tombstones are kept, delete finishes', async () => {
    const operation = await create({ deadlineMs: MINUTE });
    await settle();
    await cluster.env.pass(MINUTE);
    expect((await stateOf(operation)).state).toBe('cleaning');
    await cluster.env.pass(5 * MINUTE);
    expect(await stateOf(operation)).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    const { guests, replicas } = await cluster.agent.assignments();
    expect(guests.map(({ spec }) => spec.remove)).toEqual([true]);
    expect(replicas.map(({ spec }) => spec.desired)).toEqual(['absent']);
    await cluster.agent.hello();
    await cluster.converge();
    expect((await cluster.instance('hello')).status.state).toBe('failed');
    await expect(act('startInstance')).rejects.toMatchObject({ code: 'wrong_state' });
    await cluster.call('deleteInstance', { params: { ref: 'hello' } });
    await cluster.converge();
    await expectNothingLeft();
  });

  test('no ping in time: failed, but the guest that runs is left alone', async () => {
    cluster.agent.pings = false;
    const operation = await create({ until: 'ping', deadlineMs: MINUTE });
    await cluster.converge();
    await cluster.env.pass(MINUTE);
    expect(await stateOf(operation)).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    await cluster.agent.hello();
    await cluster.converge();
    expect((await cluster.instance('hello')).status.state).toBe('running');
  });

  test('stopped: defined, not started', async () => {
    const operation = await create({ power: 'stopped' });
    await cluster.converge();
    expect((await stateOf(operation)).state).toBe('succeeded');
    expect((await cluster.instance('hello')).status.state).toBe('stopped');
  });

  test('a status of another generation does not count', async () => {
    const operation = await create();
    await settle();
    cluster.agent.alter = (status) => ({ ...status, generation: status.generation + 7 }) as StatusReport;
    await cluster.agent.round();
    await settle();
    expect((await stateOf(operation)).state).toBe('running');
    expect((await cluster.instance('hello')).status.state).toBe('creating');
  });
});

describe('create and start wait and speak alike', () => {
  const begun = {
    'instance.create': () => create({ until: 'ping', deadlineMs: MINUTE }),
    'instance.start': async () => {
      await create({ power: 'stopped' });
      await cluster.converge();
      return act('startInstance', { until: 'ping', deadlineMs: MINUTE });
    },
  } as const;
  const kinds = ['instance.create', 'instance.start'] as const;
  const notRunning = (status: object) =>
    says('guest', (report) => (report.status.state === 'running' ? (status as never) : report.status));

  test.each(kinds)('%s, late before the guest ran: why, and where to read on', async (kind) => {
    const operation = await begun[kind]();
    notRunning({ state: 'absent', reason: 'waits for bridge gy0' });
    await cluster.converge();
    await cluster.env.pass(MINUTE);
    const number = operation.spec.number;
    expect((await stateOf(operation)).error).toMatchObject({
      code: 'deadline_exceeded',
      title: `${kind} did not finish within 1 m 0 s; last seen: guest absent: waits for bridge gy0`,
      hint: `\`gantry op show ${number}\`; the target stays manageable.`,
    });
    asItIs();
    await cluster.agent.hello();
    await cluster.converge();
    if (kind === 'instance.create') return expectNothingLeft();
    const { spec, status } = await cluster.instance('hello');
    expect([spec.power, status.state]).toEqual(['stopped', 'stopped']);
  });

  test.each(kinds)('%s, late after it ran: it is left running', async (kind) => {
    cluster.agent.pings = false;
    const operation = await begun[kind]();
    await cluster.converge();
    await cluster.env.pass(MINUTE);
    expect(await stateOf(operation)).toMatchObject({
      state: 'failed',
      error: {
        code: 'deadline_exceeded',
        title: `${kind} did not finish within 1 m 0 s; last seen: guest running`,
      },
    });
    await cluster.agent.hello();
    await cluster.converge();
    const { spec, status } = await cluster.instance('hello');
    expect([spec.power, status.state]).toEqual(['running', 'running']);
  });

  test.each(kinds)(
    '%s on a libvirt that restarts waits until the deadline, and names it then',
    async (kind) => {
      const error = toProblem(err('hypervisor_unreachable', { node: 'n1', why: 'it restarts' }));
      const operation = await begun[kind]();
      notRunning({ state: 'starting', error });
      await cluster.converge();
      expect((await stateOf(operation)).state).toBe('running');
      await cluster.env.pass(MINUTE);
      expect((await stateOf(operation)).error).toMatchObject({
        code: 'deadline_exceeded',
        title: expect.stringContaining(`guest starting: ${error.title}`),
      });
    },
  );

  test.each(kinds)('%s fails at once where a network cannot be made', async (kind) => {
    const error = toProblem(err('host_unfit', { node: 'n1', why: 'no bridges' }));
    const operation = await begun[kind]();
    cluster.agent.alter = (report) => {
      if (report.kind === 'attachment') return { ...report, status: { state: 'failed', error } };
      return report.kind === 'guest' ? { ...report, status: { state: 'absent' } } : report;
    };
    await cluster.converge();
    expect((await stateOf(operation)).error).toMatchObject({ code: 'host_unfit' });
  });
});

describe('on a running instance', () => {
  beforeEach(async () => {
    await create();
    await cluster.converge();
  });

  test('one operation at a time', async () => {
    const stop = await act('stopInstance');
    await expect(act('startInstance')).rejects.toMatchObject({
      code: 'busy',
      params: { operation: stop.spec.number },
    });
    await expect(act('rebootInstance')).rejects.toMatchObject({ code: 'busy' });
  });

  test('what the state does not permit is refused, naming what it does', async () => {
    await expect(act('startInstance')).rejects.toMatchObject({ code: 'wrong_state' });
    await act('stopInstance');
    await cluster.converge();
    await expect(act('rebootInstance')).rejects.toMatchObject({ code: 'wrong_state' });
  });

  test('a stop that the guest does not follow in time sets power back', async () => {
    says('guest', ({ status }) => (/stopped|defined/.test(status.state) ? { state: 'stopping' } : status));
    const patience = async () => (await cluster.agent.assignments()).guests[0]?.spec.life.stopTimeoutMs;
    const before = await patience();
    const stop = await act('stopInstance', { deadlineMs: MINUTE, timeoutMs: 1000 });
    await cluster.converge();
    expect([(await cluster.instance('hello')).status.state, await patience()]).toEqual(['stopping', 1000]);
    await cluster.env.pass(MINUTE);
    expect(await stateOf(stop)).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    asItIs();
    await cluster.agent.hello();
    await cluster.converge();
    const { spec, status } = await cluster.instance('hello');
    expect([spec.power, status.state, await patience()]).toEqual(['running', 'running', before]);
  });

  test('a start that is cancelled leaves it stopped', async () => {
    await act('stopInstance');
    await cluster.converge();
    const start = await act('startInstance');
    await cancel(start);
    await cluster.converge();
    expect((await stateOf(start)).state).toBe('cancelled');
    const { spec, status } = await cluster.instance('hello');
    expect([spec.power, status.state]).toEqual(['stopped', 'stopped']);
  });

  test('of one that nobody hears of, a start that comes too late stops nothing', async () => {
    const before = (await cluster.instance('hello')).status.timeline.qemuRunningAt;
    await cluster.env.pass(MINUTE);
    expect((await cluster.instance('hello')).status.state).toBe('unknown');
    const start = await act('startInstance', { deadlineMs: MINUTE });
    await cluster.env.pass(MINUTE);
    expect((await stateOf(start)).state).toBe('failed');
    await cluster.agent.hello();
    await cluster.converge();
    const { spec, status } = await cluster.instance('hello');
    expect([spec.power, status.state, status.timeline.qemuRunningAt]).toEqual(['running', 'running', before]);
  });

  test('of one that nobody hears of and that was down, a stop that comes too late starts nothing', async () => {
    await act('stopInstance');
    await cluster.converge();
    await cluster.env.pass(MINUTE);
    expect((await cluster.instance('hello')).status.state).toBe('unknown');
    const stop = await act('stopInstance', { deadlineMs: MINUTE });
    await cluster.env.pass(MINUTE);
    expect((await stateOf(stop)).state).toBe('failed');
    await cluster.agent.hello();
    await cluster.converge();
    const { spec, status } = await cluster.instance('hello');
    expect([spec.power, status.state]).toEqual(['stopped', 'stopped']);
  });

  test('a suspend that is cancelled does not start what its owner wanted down', async () => {
    const [instance] = (await cluster.store.list('instance')).items;
    const [guest] = (await cluster.store.list('guest')).items;
    // a start that was given up, and came all the same
    const draft = new Draft(0);
    if (instance && guest)
      draft
        .put(withSpec(instance, { power: 'stopped' }))
        .put(withSpec(guest, { power: 'stopped', force: true }));
    await cluster.store.commit(draft.batch);
    const suspend = await cluster.call<Operation>('suspendInstance', { params: { ref: 'hello' }, body: {} });
    await cancel(suspend);
    await settle();
    expect((await stateOf(suspend)).state).toBe('cancelled');
    expect((await cluster.instance('hello')).spec.power).toBe('stopped');
    expect((await cluster.agent.assignments()).guests).toMatchObject([
      { spec: { power: 'stopped', memory: 'restore' } },
    ]);
  });

  test.each([
    ['crashed', 'running'],
    ['shutdown', 'stopped'],
  ] as const)(
    'one that ends (%s) before it is suspended is as its policy says: %s',
    async (reason, power) => {
      says('guest', ({ status }) => (status.state === 'running' ? status : { state: 'stopped', reason }));
      const suspend = await act('suspendInstance');
      await cluster.converge();
      expect((await stateOf(suspend)).state).toBe('failed');
      const [guest] = (await cluster.agent.assignments()).guests;
      expect([guest?.spec.power, (await cluster.instance('hello')).spec.power]).toEqual([power, power]);
    },
  );

  test('one that its node cannot start can be stopped: it does not come up by itself later', async () => {
    const error = toProblem(err('guest_refused', { why: 'no bridge' }));
    says('guest', ({ status }) => (status.state === 'running' ? { state: 'absent', error } : status));
    await cluster.converge();
    expect((await cluster.instance('hello')).status.state).toBe('failed');
    const stop = await act('stopInstance');
    await cluster.converge();
    expect((await stateOf(stop)).state).toBe('succeeded');
    const { spec, status } = await cluster.instance('hello');
    expect([spec.power, status.state]).toEqual(['stopped', 'stopped']);
  });

  describe('a start that goes on with saved memory and is cancelled', () => {
    const cancelled = async () => {
      says('guest', ({ status }) => (/stopped|defined/.test(status.state) ? { state: 'suspended' } : status));
      await cluster.call('suspendInstance', { params: { ref: 'hello' }, body: {} });
      await cluster.converge();
      expect((await cluster.instance('hello')).status.state).toBe('suspended');
      const start = await act('startInstance');
      await cancel(start);
      await settle();
      return start;
    };

    test('loses nothing of it', async () => {
      const start = await cancelled();
      expect((await stateOf(start)).state).toBe('cleaning');
      // it may be up by now: it is saved again, and not forced off
      const [guest] = (await cluster.agent.assignments()).guests;
      expect(guest?.spec).toMatchObject({ power: 'stopped', memory: 'save', force: false });
      await cluster.converge();
      expect((await stateOf(start)).state).toBe('cancelled');
      const { spec, status } = await cluster.instance('hello');
      expect([spec.power, status.state]).toEqual(['stopped', 'suspended']);
    });

    test('runs on where it cannot be saved again: nothing suspends it later', async () => {
      const start = await cancelled();
      const error = toProblem(err('suspend_failed', { name: 'hello', why: 'the disk is full' }));
      says('guest', ({ status }) => ({ ...status, state: 'running', error }));
      await cluster.converge();
      expect((await stateOf(start)).state).toBe('cancelled');
      const [guest] = (await cluster.agent.assignments()).guests;
      expect(guest?.spec).toMatchObject({ power: 'running', memory: 'restore' });
      const { spec, status } = await cluster.instance('hello');
      expect([spec.power, status.state]).toEqual(['running', 'running']);
    });

    test('ends in time where its node says nothing', async () => {
      const start = await cancelled();
      await cluster.env.pass(10 * MINUTE);
      await settle();
      expect((await stateOf(start)).state).toBe('cancelled');
    });
  });

  test('a stop is one, also of what was to be saved and could not be', async () => {
    const [guest] = (await cluster.store.list('guest')).items;
    if (guest) await cluster.store.commit(new Draft(0).put(withSpec(guest, { memory: 'save' })).batch);
    await act('stopInstance');
    expect((await cluster.agent.assignments()).guests).toMatchObject([{ spec: { memory: 'restore' } }]);
  });

  test('a reboot whose end nobody saw is unknown, and is not repeated', async () => {
    const error = toProblem(err('act_unknown', { what: 'guest.reboot', node: 'n1' }));
    says('act', () => ({ state: 'unknown', error }));
    const reboot = await act('rebootInstance');
    await cluster.converge();
    expect(await stateOf(reboot)).toMatchObject({ state: 'failed', error: { code: 'act_unknown' } });
    expect((await cluster.agent.assignments()).acts).toEqual([]);
  });

  test('a reboot until its ping waits for the ping of the new boot', async () => {
    cluster.agent.reboots = false;
    const reboot = await act('rebootInstance', { until: 'ping' });
    await cluster.converge();
    const steps = async () => (await stateOf(reboot)).steps.map(({ name, state }) => `${name}: ${state}`);
    expect(await steps()).toEqual(['done by the node: done', 'rebooted: running', 'first ping: waiting']);
    cluster.agent.reboots = true;
    cluster.agent.pings = false;
    await cluster.converge();
    expect(await steps()).toEqual(['done by the node: done', 'rebooted: done', 'first ping: running']);
    cluster.agent.pings = true;
    await cluster.converge();
    expect((await stateOf(reboot)).state).toBe('succeeded');
    expect(await steps()).toContain('first ping: done');
  });

  test('a reboot that the guest does not follow fails at the deadline, and the guest is left alone', async () => {
    cluster.agent.reboots = false;
    const reboot = await act('rebootInstance', { until: 'ssh', deadlineMs: MINUTE });
    await cluster.converge();
    await cluster.env.pass(MINUTE);
    expect(await stateOf(reboot)).toMatchObject({
      state: 'failed',
      error: { title: expect.stringContaining('last seen: guest running, not rebooted yet') },
    });
    await cluster.agent.hello();
    await cluster.converge();
    expect((await cluster.instance('hello')).status.state).toBe('running');
  });

  test('a guest that goes down in place of rebooting ends the waiting', async () => {
    const reboot = await act('rebootInstance', { until: 'ping' });
    says('guest', () => ({ state: 'stopped', endedBy: 'guest-poweroff' }));
    await cluster.converge();
    expect(await stateOf(reboot)).toMatchObject({ state: 'failed', error: { code: 'operation_failed' } });
  });

  test('a cancelled reboot withdraws its act', async () => {
    const reboot = await act('rebootInstance');
    expect((await cluster.agent.assignments()).acts).toHaveLength(1);
    await cancel(reboot);
    await settle();
    expect((await cluster.agent.assignments()).acts).toEqual([]);
    expect((await stateOf(reboot)).state).toBe('cancelled');
  });

  test('a deletion cannot be cancelled; late, it fails and can be repeated', async () => {
    const deletion = await cluster.call<Operation>('deleteInstance', {
      params: { ref: 'hello' },
      query: { deadlineMs: MINUTE },
    });
    await expect(cancel(deletion)).rejects.toMatchObject({ code: 'wrong_state' });
    await settle();
    await cluster.env.pass(MINUTE);
    expect(await stateOf(deletion)).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    await cluster.call('deleteInstance', { params: { ref: 'hello' } });
    await cluster.converge();
    await expectNothingLeft();
  });

  test('disks go only after the guest', async () => {
    says('guest', ({ status }) => (status.state === 'absent' ? { state: 'stopping' } : status));
    await cluster.call('deleteInstance', { params: { ref: 'hello' } });
    await cluster.converge();
    const { replicas } = await cluster.agent.assignments();
    expect(replicas.map(({ spec }) => spec.desired)).toEqual(['present']);
  });

  test('the controller starts anew in the middle: the operation goes on', async () => {
    const { Controller } = await import('../src/controller.ts');
    const stop = await act('stopInstance');
    const second = new Controller(cluster.controller.app);
    const over = new AbortController();
    const done = second.run(over.signal);
    await cluster.converge();
    expect((await stateOf(stop)).state).toBe('succeeded');
    over.abort();
    await done;
  });
});

test('requests for the plan write nothing', async () => {
  const before = await cluster.store.revision();
  const { plan } = await cluster.call<{ plan: string[] }>('createInstance', { body, query: { plan: true } });
  expect(plan.join('\n')).toContain('on node n1');
  expect(await cluster.store.revision()).toBe(before);
  expect(await cluster.store.counter('operation')).toBe(0);
  await create();
  await cluster.converge();
  const stopPlan = await cluster.call<{ plan: string[] }>('stopInstance', {
    params: { ref: 'hello' },
    query: { plan: true },
  });
  expect(stopPlan.plan).toEqual(['stop instance hello: ask it, and force it after 60 s']);
  expect((await cluster.instance('hello')).status.state).toBe('running');
});

describe('keys', () => {
  const press = (keys: unknown, query = {}) =>
    cluster.call<Operation>('sendKeyInstance', { params: { ref: 'hello' }, body: { keys }, query });
  const codeOf = (work: Promise<unknown>) => work.catch((error: { code: string }) => error.code);

  test('go to the node as one act, in their order', async () => {
    await create();
    await cluster.converge();
    const operation = await press(['ctrl+alt+delete', 'enter']);
    const { acts } = await cluster.agent.assignments();
    expect(acts.map(({ spec }) => spec.action)).toMatchObject([
      { kind: 'guest.send-key', keys: ['ctrl+alt+delete', 'enter'] },
    ]);
    expect(await codeOf(press(['enter']))).toBe('busy');
    await cluster.converge();
    expect((await stateOf(operation)).state).toBe('succeeded');
  });

  test.each<[string, unknown, string]>([
    ['none', [], 'invalid_body'],
    ['an unknown one', ['ctrl+delet'], 'invalid_argument'],
    ['a prototype’s', ['constructor'], 'invalid_argument'],
    ['seventeen at once', [Array(17).fill('a').join('+')], 'invalid_body'],
    ['too many', Array(65).fill('a'), 'invalid_body'],
    ['no name', ['a b'], 'invalid_body'],
  ])('%s: refused', async (_, keys, code) => {
    await create();
    await cluster.converge();
    expect(await codeOf(press(keys))).toBe(code);
    expect((await cluster.agent.assignments()).acts).toEqual([]);
  });

  test('only while it runs', async () => {
    await create({ power: 'stopped' });
    await cluster.converge();
    expect(await codeOf(press(['enter']))).toBe('wrong_state');
  });
});
