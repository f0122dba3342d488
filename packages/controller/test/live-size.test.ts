/** A running guest gets another size: granted, claimed, waited for, kept by the guest, cancelled. */
import {
  err,
  type Guest,
  type GuestStatus,
  type InstanceChanged,
  type Operation,
  type Plan,
  type StatusReport,
  toProblem,
} from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
/** What the guest has; undefined: it follows its binding. */
let kept: GuestStatus['size'];
let resists = false;
let accelerator: 'kvm' | 'tcg';

beforeEach(async () => {
  [kept, resists, accelerator] = [undefined, false, 'kvm'];
  cluster = await testCluster();
  cluster.agent.capabilities = ['disk:send', 'guest:live-size'];
  cluster.agent.alter = (report) => withSize(report);
  await cluster.agent.hello();
  const spec = { vcpus: 1, memoryMiB: 256, maxVcpus: 4, maxMemoryMiB: 1024, diskMiB: 64 };
  await cluster.call('createFlavor', { body: { name: 'roomy', spec } });
  await cluster.call('createInstance', { body: { name: 'web', flavor: 'roomy', image: 'debian/12' } });
  await follow();
});
afterEach(() => cluster.close());

/** The agent’s word follows the binding of the round before. */
let granted: NonNullable<GuestStatus['size']> = { vcpus: 1, memoryMiB: 256 };
function withSize(report: StatusReport): StatusReport {
  if (report.kind !== 'guest' || report.status.state !== 'running') return report;
  const size = kept ?? granted;
  const problem = toProblem(err('guest_kept', { name: 'web', what: 'it', why: 'no driver' }));
  return {
    ...report,
    status: { ...report.status, size, accelerator, ...(resists ? { error: problem } : {}) },
  };
}
const guest = () => cluster.call<Guest>('getInstanceGuest', { params: { ref: 'web' } });
async function follow(): Promise<void> {
  await cluster.converge();
  const { vcpus, memoryMiB } = (await guest()).spec.input;
  granted = { vcpus, memoryMiB };
  await cluster.converge();
}
const set = (body: object, request: object = {}) =>
  cluster.call<InstanceChanged>('setInstance', { params: { ref: 'web' }, body, ...request });
const stateOf = async ({ operation }: InstanceChanged): Promise<Operation['status']> =>
  (await cluster.operation(operation?.spec.number ?? 0)).status;

test('a start of one that may run all along gives it nothing of what waits', async () => {
  const tell = cluster.agent.alter;
  await set({ vcpus: 6, maxVcpus: 8, memoryMiB: 512 });
  await follow();
  const before = (await guest()).spec;
  expect(before.input).toMatchObject({ vcpus: 1, memoryMiB: 512 });
  cluster.agent.alter = (report) =>
    report.kind === 'guest' ? { ...report, status: { state: 'unknown' } } : report;
  await cluster.converge();
  const params = { ref: 'web' };
  const { spec } = await cluster.call<Operation>('startInstance', { params, body: {} });
  const { operation: _, ...held } = (await guest()).spec;
  expect(held).toEqual({ ...before, operation: undefined });
  cluster.agent.alter = tell;
  await follow();
  expect((await cluster.operation(spec.number)).status.state).toBe('succeeded');
  expect((await guest()).spec.input).toMatchObject({ vcpus: 1 });
  await cluster.call('stopInstance', { params, body: { force: true } });
  await follow();
  await cluster.call('startInstance', { params, body: {} });
  await follow();
  expect((await guest()).spec.input).toMatchObject({ vcpus: 6, maxVcpus: 8 });
});

describe('within its room', () => {
  test('it is granted and claimed at once, and the operation ends when the guest has it', async () => {
    const answer = await set({ vcpus: 3, memoryMiB: 1024 });
    expect(answer.changes.map(({ setting, applies }) => [setting, applies])).toEqual([
      ['vcpus', 'now'],
      ['memory', 'now'],
    ]);
    expect(answer.operation?.status.steps.map(({ name }) => name)).toEqual(['virtual CPUs', 'memory']);
    const { spec, generation } = await guest();
    expect(spec).toMatchObject({ input: { vcpus: 3, memoryMiB: 1024, maxVcpus: 4, maxMemoryMiB: 1024 } });
    expect(spec.reserved).toBeUndefined();
    expect(spec.standing).toBe(1);
    await cluster.converge();
    expect(await stateOf(answer)).toMatchObject({ state: 'running' });
    await follow();
    expect(await stateOf(answer)).toMatchObject({
      state: 'succeeded',
      result: { vcpus: 3, memoryMiB: 1024 },
    });
    expect((await guest()).generation).toBe(generation);
    expect((await cluster.instance('web')).status.operation).toBeUndefined();
  });

  test('a lost answer is given again, also when somebody changed it since', async () => {
    const request = { idempotencyKey: 'once' };
    const first = await set({ vcpus: 2 }, request);
    expect(await set({ vcpus: 2 }, request)).toEqual(first);
    await expect(set({ vcpus: 3 }, request)).rejects.toMatchObject({ code: 'idempotency_mismatch' });
    await follow();
    await set({ vcpus: 3 });
    const late = await set({ vcpus: 2 }, request);
    expect([late.changes, late.operation?.id]).toEqual([first.changes, first.operation?.id]);
    expect((await cluster.instance('web')).spec.vcpus).toBe(3);
  });

  test('the request may be repeated, and nothing else is done meanwhile', async () => {
    const first = await set({ vcpus: 2 });
    const again = await set({ vcpus: 2 });
    expect([again.changes, again.operation?.id]).toEqual([[], first.operation?.id]);
    await expect(set({ vcpus: 1 })).rejects.toMatchObject({ code: 'busy' });
    const stop = cluster.call('stopInstance', { params: { ref: 'web' }, body: {} });
    await expect(stop).rejects.toMatchObject({ code: 'busy' });
    await follow();
    expect(await stateOf(first)).toMatchObject({ state: 'succeeded' });
    expect((await set({ vcpus: 2 })).operation).toBeUndefined();
  });

  test('a plan is only a plan', async () => {
    const planned = await set({ vcpus: 2 }, { query: { plan: true } });
    expect(planned.changes).toMatchObject([{ setting: 'vcpus', applies: 'now' }]);
    expect((await guest()).spec.input.vcpus).toBe(1);
    await expect(cluster.operation(2)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('what the node has not is refused, with what is free', async () => {
    await cluster.call('createInstance', {
      body: { name: 'big', vcpus: 1, memoryMiB: 6500, disks: [{ sizeMiB: 64 }] },
    });
    await cluster.converge();
    await expect(set({ memoryMiB: 1024 })).rejects.toMatchObject({
      code: 'cannot_grow',
      message: expect.stringMatching(/memory: .* needed.*, .* free/),
    });
    expect((await guest()).spec.input.memoryMiB).toBe(256);
  });

  test('with what lies beyond, each says when', async () => {
    const answer = await set({ vcpus: 2, memoryMiB: 2048 });
    expect(answer.changes).toMatchObject([
      { setting: 'vcpus', applies: 'now' },
      { setting: 'memory', applies: 'next-start', why: expect.stringContaining('1 GiB') },
    ]);
    expect((await guest()).spec).toMatchObject({
      input: { vcpus: 2, memoryMiB: 256 },
      reserved: { vcpus: 2, memoryMiB: 2048 },
    });
  });
});

describe('a guest that keeps what it shall give', () => {
  beforeEach(async () => {
    await set({ memoryMiB: 1024, vcpus: 2 });
    await follow();
    kept = { vcpus: 2, memoryMiB: 1024 };
  });

  test('ends the operation with what it has, and gets the rest at its next start', async () => {
    const answer = await set({ memoryMiB: 512 });
    resists = true;
    await cluster.converge();
    expect(await stateOf(answer)).toMatchObject({ state: 'failed', error: { code: 'guest_kept' } });
    const { spec } = await guest();
    expect(spec.input.memoryMiB).toBe(1024);
    expect((await cluster.instance('web')).spec.memoryMiB).toBe(512);
  });

  test('counts with it until it has given it back', async () => {
    await set({ memoryMiB: 256 });
    await cluster.converge();
    const create = cluster.call('createInstance', {
      body: { name: 'big', vcpus: 1, memoryMiB: 6700, disks: [{ sizeMiB: 64 }] },
    });
    await expect(create).rejects.toMatchObject({ code: 'no_capacity' });
  });

  test('is left alone once its operation is cancelled', async () => {
    const answer = await set({ vcpus: 1 });
    const ref = String(answer.operation?.spec.number);
    await cluster.call('cancelOperation', { params: { ref } });
    await cluster.converge();
    expect(await stateOf(answer)).toMatchObject({ state: 'cancelled' });
    expect((await guest()).spec.input.vcpus).toBe(2);
    expect((await cluster.instance('web')).spec.vcpus).toBe(1);
  });
});

test('one that ends meanwhile gets it when it starts', async () => {
  const answer = await set({ vcpus: 2 });
  cluster.agent.alter = (report) =>
    report.kind === 'guest' ? { ...report, status: { state: 'stopped', endedBy: 'guest-poweroff' } } : report;
  await cluster.converge();
  const { state, steps } = await stateOf(answer);
  expect([state, steps[0]?.detail]).toEqual(['succeeded', expect.stringContaining('next start')]);
});

test('what stands still, and what an older agent runs, waits for its next start', async () => {
  cluster.agent.alter = (report) =>
    report.kind === 'guest' ? { ...report, status: { state: 'paused', reason: 'user' } } : report;
  await cluster.converge();
  expect((await set({ vcpus: 2 })).changes).toMatchObject([
    { applies: 'next-start', why: expect.stringContaining('paused') },
  ]);
  cluster.agent.alter = withSize;
  cluster.agent.capabilities = [];
  await cluster.agent.hello();
  await cluster.converge();
  expect((await set({ vcpus: 3 })).changes).toMatchObject([
    { applies: 'next-start', why: expect.stringContaining('release') },
  ]);
});

test('an emulated one is given CPUs while it runs, and gives them back at its next start', async () => {
  accelerator = 'tcg';
  await cluster.converge();
  expect((await set({ vcpus: 3 })).changes).toMatchObject([{ applies: 'now' }]);
  await follow();
  const less = await set({ vcpus: 2, memoryMiB: 512 });
  expect(less.changes).toMatchObject([
    { setting: 'vcpus', applies: 'next-start', why: expect.stringContaining('without KVM') },
    { setting: 'memory', applies: 'now' },
  ]);
  expect((await guest()).spec.input).toMatchObject({ vcpus: 3, memoryMiB: 512 });
  await follow();
  expect(await stateOf(less)).toMatchObject({ state: 'succeeded' });
  const params = { ref: 'web' };
  expect(
    (await cluster.call<Plan>('resizeInstance', { params, query: { plan: true }, body: { vcpus: 1 } })).plan,
  ).toContain('stop it, and start it with the new size');
});

test.each<[string, object]>([
  ['less room than it has', { maxVcpus: 1, vcpus: 2 }],
  ['less memory than it has', { maxMemoryMiB: 128 }],
])('%s is refused', async (_, body) => {
  await expect(set(body)).rejects.toMatchObject({ code: 'invalid_argument' });
  const spec = { vcpus: 2, memoryMiB: 256, ...body };
  const create = cluster.call('createFlavor', { body: { name: 'odd', spec } });
  await expect(create).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('room is set and unset, for its next start', async () => {
  expect((await set({ maxVcpus: 8, maxMemoryMiB: null })).changes).toMatchObject([
    { setting: 'maxVcpus', from: '4', to: '8', applies: 'next-start' },
    { setting: 'maxMemory', from: '1 GiB', applies: 'next-start' },
  ]);
  const { spec } = await cluster.instance('web');
  expect([spec.maxVcpus, spec.maxMemoryMiB]).toEqual([8, undefined]);
  // what its QEMU was started with stays
  expect((await guest()).spec.input).toMatchObject({ maxVcpus: 4, maxMemoryMiB: 1024 });
});
