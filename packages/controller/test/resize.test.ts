/** `instance resize`: stopped and started, live, or for the next start; confirmed, taken back, failed. */
import {
  err,
  type Guest,
  type GuestStatus,
  type Operation,
  type Plan,
  type StatusReport,
  toProblem,
} from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Draft, withSpec } from '../src/store/batch.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  cluster.agent.capabilities = ['disk:send', 'guest:live-size'];
  cluster.agent.alter = withSize;
  await cluster.agent.hello();
  for (const [name, vcpus, memoryMiB, more] of [
    ['little', 1, 256, {}],
    ['bigger', 2, 1024, { extraSpecs: { 'hw:watchdog_action': 'reset' } }],
    ['cells', 2, 512, { extraSpecs: { 'hw:numa_nodes': '2' } }],
    ['roomy', 1, 256, { maxVcpus: 4, maxMemoryMiB: 1024 }],
  ] as const)
    await cluster.call('createFlavor', { body: { name, spec: { vcpus, memoryMiB, diskMiB: 64, ...more } } });
});
afterEach(() => cluster.close());

/** A guest that follows: it has what its binding of the last look grants. */
let has: GuestStatus['size'];
function withSize(report: StatusReport): StatusReport {
  if (report.kind !== 'guest' || report.status.state !== 'running' || !has) return report;
  return { ...report, status: { ...report.status, size: has } };
}
const params = { ref: 'web' };
const guest = () => cluster.call<Guest>('getInstanceGuest', { params });
async function settle(): Promise<void> {
  await cluster.converge();
  const { vcpus, memoryMiB } = (await guest()).spec.input;
  has = { vcpus, memoryMiB };
  await cluster.converge();
}
async function create(flavor: string, more: object = {}): Promise<void> {
  has = undefined;
  await cluster.call('createInstance', { body: { name: 'web', flavor, image: 'debian/12', ...more } });
  await settle();
}
const resize = (body: object) => cluster.call<Operation>('resizeInstance', { params, body });
const revert = () => cluster.call<Operation>('revertInstanceResize', { params, body: {} });
const confirm = () => cluster.call('confirmInstanceResize', { params });
const ended = async ({ spec }: Operation) => (await cluster.operation(spec.number)).status;
const sizes = async () => {
  const { spec } = await guest();
  const { vcpus, memoryMiB } = spec.input;
  return { power: spec.power, vcpus, memoryMiB, reserved: spec.reserved };
};

test('whose resize it was: the user, as everywhere, and not the name of his token', async () => {
  await create('little');
  await cluster.call('createUser', { body: { name: 'ann', spec: { role: 'admin' } } });
  const { secret: token } = await cluster.call<{ secret: string }>('createToken', {
    body: { name: 'laptop', spec: { user: 'ann' } },
  });
  await cluster.controller.call('resizeInstance', { token, params, body: { flavor: 'bigger' } });
  expect((await cluster.instance('web')).spec.resize?.by).toBe('ann');
});

describe('a guest that runs', () => {
  beforeEach(() => create('little'));

  test('is stopped and started, and its node holds both sizes until that is confirmed', async () => {
    const operation = await resize({ flavor: 'bigger' });
    expect(operation.status.steps.map(({ name }) => name)).toEqual(['stopped', 'running']);
    expect(await sizes()).toEqual({
      power: 'stopped',
      vcpus: 1,
      memoryMiB: 256,
      reserved: { vcpus: 2, memoryMiB: 1024 },
    });
    await settle();
    expect(await ended(operation)).toMatchObject({ state: 'succeeded' });
    const { spec, status } = await cluster.instance('web');
    expect([status.state, spec.vcpus, spec.resize?.from]).toEqual([
      'running',
      2,
      expect.objectContaining({ vcpus: 1, memoryMiB: 256 }),
    ]);
    expect(await sizes()).toEqual({ power: 'running', vcpus: 2, memoryMiB: 1024, reserved: undefined });
    await confirm();
    expect((await cluster.instance('web')).spec.resize).toBeUndefined();
    await expect(confirm()).rejects.toMatchObject({ code: 'no_resize' });
    await expect(revert()).rejects.toMatchObject({ code: 'no_resize' });
  });

  test('and is on its way down is not started by it', async () => {
    // a start that was given up, and came all the same
    const draft = new Draft(0);
    for (const kind of ['instance', 'guest'] as const)
      for (const object of (await cluster.store.list(kind)).items)
        draft.put(withSpec(object as Guest, { power: 'stopped' }));
    await cluster.store.commit(draft.batch);
    expect((await cluster.instance('web')).status.state).toBe('running');
    await expect(resize({ flavor: 'bigger' })).rejects.toMatchObject({ code: 'wrong_state' });
    await settle();
    const operation = await resize({ flavor: 'bigger' });
    await settle();
    expect(await ended(operation)).toMatchObject({ state: 'succeeded' });
    expect((await cluster.instance('web')).status.state).toBe('stopped');
  });

  test('that shrinks keeps what it had in hand, through a stop and a start, until it is confirmed', async () => {
    await resize({ flavor: 'bigger' });
    await settle();
    await confirm();
    await resize({ flavor: 'little' });
    await settle();
    const reserved = { vcpus: 2, memoryMiB: 1024 };
    expect(await sizes()).toEqual({ power: 'running', vcpus: 1, memoryMiB: 256, reserved });
    await cluster.call('stopInstance', { params, body: { force: true } });
    await settle();
    await cluster.call('startInstance', { params, body: {} });
    await settle();
    expect(await sizes()).toMatchObject({ reserved });
    const big = { name: 'big', vcpus: 1, memoryMiB: 7000, disks: [{ sizeMiB: 64 }] };
    await expect(cluster.call('createInstance', { body: big })).rejects.toMatchObject({
      code: 'no_capacity',
    });
    const before = (await guest()).generation;
    await confirm();
    expect(await sizes()).toMatchObject({ reserved: undefined });
    // its wish is the same: one that has just powered itself off is not started by this
    const after = await guest();
    expect(after.generation - (after.spec.standing ?? 0)).toBe(before);
  });

  test('is taken back the same way', async () => {
    const before = (await cluster.instance('web')).spec;
    await resize({ flavor: 'bigger' });
    await settle();
    const operation = await revert();
    await settle();
    expect(await ended(operation)).toMatchObject({ state: 'succeeded' });
    expect((await cluster.instance('web')).spec).toEqual(before);
    expect(await sizes()).toEqual({ power: 'running', vcpus: 1, memoryMiB: 256, reserved: undefined });
  });

  test('is resized once: another size waits for the decision', async () => {
    await resize({ flavor: 'bigger' });
    await expect(resize({ vcpus: 4 })).rejects.toMatchObject({ code: 'busy' });
    await settle();
    await expect(resize({ vcpus: 4 })).rejects.toMatchObject({ code: 'resize_pending' });
    const set = (body: object) => cluster.call('setInstance', { params, body });
    await expect(set({ vcpus: 4 })).rejects.toMatchObject({ code: 'resize_pending' });
    await set({ labels: { tier: 'front' } });
  });

  test.each<[string, object, string]>([
    ['the size that it has', { vcpus: 1 }, 'invalid_argument'],
    ['nothing', {}, 'invalid_argument'],
    ['more than its node has', { memoryMiB: 2 ** 20 }, 'cannot_grow'],
    ['less room than size', { vcpus: 2, maxVcpus: 1 }, 'invalid_argument'],
    ['cells that its node does not tell', { flavor: 'cells' }, 'cannot_grow'],
    ['a flavor that is not there', { flavor: 'huge' }, 'not_found'],
  ])('to %s is refused', async (_, body, code) => {
    await expect(resize(body)).rejects.toMatchObject({ code });
    expect(await sizes()).toMatchObject({ power: 'running', vcpus: 1 });
  });

  test('a plan is only a plan', async () => {
    const query = { plan: true };
    const planned = await cluster.call<Plan>('resizeInstance', { params, query, body: { flavor: 'bigger' } });
    expect(planned.plan.join('\n')).toMatch(/stop it, and start it/);
    expect((await cluster.instance('web')).spec.resize).toBeUndefined();
  });

  test('is as before where the new size does not start', async () => {
    const operation = await resize({ flavor: 'bigger' });
    const problem = toProblem(err('qemu_refused', { message: 'no' }));
    const next = (await guest()).generation + 1;
    cluster.agent.alter = (report) =>
      report.kind === 'guest' && report.generation === next
        ? { ...report, status: { state: 'stopped', error: problem } }
        : withSize(report);
    await cluster.converge();
    expect(await ended(operation)).toMatchObject({ state: 'failed', error: { code: 'qemu_refused' } });
    expect(await sizes()).toMatchObject({ power: 'running', vcpus: 1, memoryMiB: 256 });
    const { spec, status } = await cluster.instance('web');
    expect([spec.vcpus, spec.resize, status.state]).toEqual([1, undefined, 'running']);
  });

  test('is as before where that is cancelled before it was stopped', async () => {
    const operation = await resize({ flavor: 'bigger' });
    await cluster.call('cancelOperation', { params: { ref: String(operation.spec.number) } });
    await settle();
    expect(await ended(operation)).toMatchObject({ state: 'cancelled' });
    expect(await sizes()).toMatchObject({ power: 'running', vcpus: 1, memoryMiB: 256 });
    expect((await cluster.instance('web')).spec.resize).toBeUndefined();
  });
});

test('one with room takes it while it runs, and gives it back', async () => {
  await create('roomy');
  const { startedAt } = (await guest()).status;
  const operation = await resize({ vcpus: 3, memoryMiB: 1024 });
  expect(operation.status.steps.map(({ name }) => name)).toEqual(['virtual CPUs', 'memory']);
  await settle();
  expect(await ended(operation)).toMatchObject({ state: 'succeeded' });
  await revert();
  await settle();
  expect(await sizes()).toMatchObject({ vcpus: 1, memoryMiB: 256, reserved: undefined });
  expect((await guest()).status.startedAt).toBe(startedAt);
});

test('one that is stopped takes it at its next start', async () => {
  await create('little', { power: 'stopped' });
  const operation = await resize({ flavor: 'bigger' });
  await settle();
  expect(await ended(operation)).toMatchObject({ state: 'succeeded' });
  expect(await sizes()).toMatchObject({ power: 'stopped', vcpus: 2, memoryMiB: 1024 });
  await revert();
  await settle();
  expect(await sizes()).toMatchObject({ power: 'stopped', vcpus: 1, memoryMiB: 256 });
});

test('nobody decides: it is confirmed after what the policy says', async () => {
  await create('little', { guest: { confirmResizeAfterMs: 3_600_000 } });
  await resize({ flavor: 'bigger' });
  await settle();
  const { resize: pending } = (await cluster.instance('web')).spec;
  expect(Date.parse(pending?.confirmsAt ?? '') - Date.parse(pending?.at ?? '')).toBe(3_600_000);
  await cluster.env.pass(3_500_000);
  await settle();
  expect((await cluster.instance('web')).spec.resize).toBeDefined();
  await cluster.env.pass(200_000);
  await settle();
  expect((await cluster.instance('web')).spec.resize).toBeUndefined();
});
