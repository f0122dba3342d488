/** reinstall, rescue and unrescue: what is refused, what a failure leaves, and who may do what meanwhile. */
import { type Disk, err, type Operation, type RouteName, type StatusReport, toProblem } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
const params = { ref: 'hello' };
beforeEach(async () => {
  cluster = await testCluster();
  await cluster.call('createInstance', { body: { name: 'hello', flavor: 'small', image: 'debian/12' } });
  await cluster.converge();
});
afterEach(() => cluster.close());

const ask = (route: RouteName, body: object = {}) => cluster.call<Operation>(route, { params, body });
const disks = async () => (await cluster.call<{ items: Disk[] }>('listDisks')).items.map(({ name }) => name);
async function ended(route: RouteName, body: object = {}): Promise<Operation> {
  const { spec } = await ask(route, body);
  await cluster.converge();
  return cluster.operation(spec.number);
}
async function image(name: string, spec: object): Promise<void> {
  await cluster.call('createImage', { body: { name, spec } });
  const bytes = (async function* () {
    yield new Uint8Array(4096).fill(1);
  })();
  await cluster.call('putImageContent', { params: { ref: name }, bytes });
}
const stop = () => ended('stopInstance', { force: true });

describe('what is refused', () => {
  test.each<[RouteName, object, string]>([
    ['reinstallInstance', {}, 'stop_first'],
    ['reinstallInstance', { stop: true, image: 'nothing' }, 'not_found'],
    ['reinstallInstance', { stop: true, os: { provider: '../x' } }, 'invalid_body'],
    ['reinstallInstance', { stop: true, disk: 1 }, 'unknown_field'],
    ['rescueInstance', { image: 'nothing' }, 'not_found'],
    ['rescueInstance', { image: 'debian/12', os: { provider: 'other' } }, 'invalid_argument'],
    ['unrescueInstance', {}, 'not_in_rescue'],
  ])('%s %j: %s', async (route, body, code) => {
    await expect(ask(route, body)).rejects.toMatchObject({ code });
    expect((await cluster.instance('hello')).status.state).toBe('running');
  });

  test('reinstalling what is protected', async () => {
    await cluster.call('setInstance', { params, body: { protected: true } });
    await expect(ask('reinstallInstance', { stop: true })).rejects.toMatchObject({ code: 'protected' });
  });

  test('two at once: the second is told who is busy', async () => {
    await ask('rescueInstance');
    await expect(ask('reinstallInstance', { stop: true })).rejects.toMatchObject({ code: 'busy' });
  });

  test('in rescue, all that would change the instance', async () => {
    expect((await ended('rescueInstance')).status.state).toBe('succeeded');
    for (const route of ['suspendInstance', 'reinstallInstance', 'rescueInstance'] as const)
      await expect(ask(route)).rejects.toMatchObject({ code: 'in_rescue' });
    await expect(ask('renameInstance', { name: 'bye' })).rejects.toMatchObject({ code: 'in_rescue' });
    await expect(ask('setInstance', { memoryMiB: 64 })).rejects.toMatchObject({ code: 'in_rescue' });
    expect((await ended('rebootInstance')).status.state).toBe('succeeded');
  });
});

describe('reinstall', () => {
  test('--plan says what would happen, and nothing does', async () => {
    const query = { plan: true };
    const body = { stop: true };
    expect(await cluster.call('reinstallInstance', { params, query, body })).toEqual({
      plan: [
        'stop instance hello',
        'make disk hello:0 anew: its content is lost',
        'from OS provider debootstrap+bookworm',
        'start instance hello',
      ],
    });
    expect(await disks()).toEqual(['hello:0']);
  });

  test('of a stopped one: another disk, another provider, and it stays stopped', async () => {
    await stop();
    const before = await cluster.instance('hello');
    const os = { provider: 'site', variant: 'default' };
    expect((await ended('reinstallInstance', { os })).status.state).toBe('succeeded');
    const { spec, status } = await cluster.instance('hello');
    expect(spec.disks).not.toEqual(before.spec.disks);
    expect(spec).toMatchObject({ os, nics: before.spec.nics, boot: { kernel: 'node' }, power: 'stopped' });
    expect(spec.image).toBeUndefined();
    expect(status.state).toBe('stopped');
    expect(await disks()).toEqual(['hello:0']);
    const { guests } = await cluster.agent.assignments();
    expect(guests[0]?.spec.input.disks.map(({ id }) => id)).toEqual(spec.disks);
  });

  test('UEFI variables are given up with the old system, unless they are to stay or the agent knows of none', async () => {
    const of = async () => {
      const { guests } = await cluster.agent.assignments();
      const { spec } = await cluster.instance('hello');
      expect(guests[0]?.spec.input.variablesOf).toBe(spec.variablesOf);
      return spec.variablesOf;
    };
    const reinstall = async (body: object = {}) => {
      expect((await ended('reinstallInstance', { stop: true, ...body })).status.state).toBe('succeeded');
      return of();
    };
    expect(await reinstall()).toBeUndefined();
    cluster.agent.capabilities.push('guest:variables');
    await cluster.agent.hello();
    const first = await reinstall();
    expect([first]).toEqual((await cluster.instance('hello')).spec.disks);
    expect(await reinstall({ keepVariables: true })).toBe(first);
    await ended('rescueInstance');
    expect(await of()).toBe(first);
    await ended('unrescueInstance');
    expect(await of()).toBe(first);
    expect(await reinstall()).not.toBe(first);
  });

  const failing = (what: (status: StatusReport) => boolean) => {
    const error = toProblem(err('no_space', { where: '/fake' }));
    cluster.agent.alter = (report) =>
      report.kind === 'replica' && what(report) ? { ...report, status: { state: 'failed', error } } : report;
  };

  test('whose new disk fails leaves everything as it was, and can be repeated', async () => {
    const before = await cluster.instance('hello');
    const known = new Set((await cluster.agent.assignments()).replicas.map(({ id }) => id));
    failing(({ id, kind }) => kind === 'replica' && !known.has(id) && !gone.has(id));
    const gone = new Set<string>();
    const { spec } = await ask('reinstallInstance', { stop: true });
    await settle();
    await cluster.agent.round();
    await settle();
    cluster.agent.alter = (report) => report;
    await cluster.converge();
    const operation = await cluster.operation(spec.number);
    expect(operation.status).toMatchObject({ state: 'failed', error: { code: 'no_space' } });
    const after = await cluster.instance('hello');
    expect(after.spec).toEqual(before.spec);
    expect(after.status.state).toBe('running');
    expect(await disks()).toEqual(['hello:0']);
    expect((await ended('reinstallInstance', { stop: true })).status.state).toBe('succeeded');
  });

  test('gives a disk to an instance whose own is gone', async () => {
    await stop();
    const known = new Set((await cluster.agent.assignments()).replicas.map(({ id }) => id));
    const error = toProblem(err('disk_gone', { disk: 'x', path: '/fake' }));
    cluster.agent.alter = (report) =>
      report.kind === 'replica' && known.has(report.id) && report.status.state === 'ready'
        ? { ...report, status: { state: 'failed', error } }
        : report;
    await cluster.converge();
    expect((await ended('reinstallInstance')).status.state).toBe('succeeded');
    expect((await ended('startInstance')).status.state).toBe('succeeded');
    expect(await disks()).toEqual(['hello:0']);
  });
});

describe('a disk that was gone', () => {
  const gone = async (isGone: () => boolean) => {
    await stop();
    const error = toProblem(err('disk_gone', { disk: 'x', path: '/fake' }));
    cluster.agent.alter = (report) =>
      report.kind === 'replica' && isGone() ? { ...report, status: { state: 'failed', error } } : report;
    await cluster.converge();
  };

  test('and is back: the start that follows does not fail on what was told before it', async () => {
    let away = true;
    await gone(() => away);
    const { spec } = await ask('startInstance');
    await settle();
    expect((await cluster.operation(spec.number)).status.state).toBe('running');
    away = false;
    await cluster.converge();
    expect((await cluster.operation(spec.number)).status.state).toBe('succeeded');
  });

  test('and still is: the start fails as soon as its node has looked', async () => {
    await gone(() => true);
    const { spec } = await ask('startInstance');
    await cluster.agent.round();
    await settle();
    expect((await cluster.operation(spec.number)).status).toMatchObject({
      state: 'failed',
      error: { code: 'disk_gone' },
    });
  });
});

describe('rescue', () => {
  test.each(['running', 'stopped'] as const)('of a %s one, and back', async (power) => {
    if (power === 'stopped') await stop();
    const before = await cluster.instance('hello');
    expect((await ended('rescueInstance')).status.state).toBe('succeeded');
    const during = await cluster.instance('hello');
    expect(during.status).toMatchObject({ state: 'running', reason: expect.stringContaining('in rescue') });
    const { guests } = await cluster.agent.assignments();
    const ids = guests[0]?.spec.input.disks.map(({ id }) => id);
    expect(ids).toEqual([during.spec.rescue?.disk, ...before.spec.disks]);
    expect((await ended('unrescueInstance')).status.state).toBe('succeeded');
    const after = await cluster.instance('hello');
    expect(after.spec).toEqual(before.spec);
    expect(after.status.state).toBe(power);
    expect(await disks()).toEqual(['hello:0']);
  });

  test('of an image with a drive of its own: its disks keep their places, and back', async () => {
    await image('helper', { source: 'file', format: 'raw', properties: { hw_rescue_bus: 'usb' } });
    await expect(ask('rescueInstance', { image: 'helper' })).rejects.toMatchObject({ code: 'not_supported' });
    cluster.agent.capabilities = ['guest:rescue-drive'];
    await cluster.agent.hello();
    const before = await cluster.instance('hello');
    expect((await ended('rescueInstance', { image: 'helper' })).status.state).toBe('succeeded');
    const { rescue } = (await cluster.instance('hello')).spec;
    const { guests } = await cluster.agent.assignments();
    expect(guests[0]?.spec.input.disks).toMatchObject([
      { id: before.spec.disks[0], index: 0 },
      { id: rescue?.disk, index: 1, rescue: { device: 'disk', bus: 'usb' } },
    ]);
    expect((await ended('unrescueInstance')).status.state).toBe('succeeded');
    expect((await cluster.instance('hello')).spec).toEqual(before.spec);
    expect((await cluster.agent.assignments()).guests[0]?.spec.input.disks).toHaveLength(1);
  });

  test('a drive of its own is nothing for an image whose kernel comes from the node', async () => {
    const spec = { source: 'os', os: { provider: 'debootstrap' }, properties: { hw_rescue_bus: 'usb' } };
    await cluster.call('createImage', { body: { name: 'helper', spec } });
    await expect(ask('rescueInstance', { image: 'helper' })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('kernel comes from the node'),
    });
    expect(await disks()).toEqual(['hello:0']);
  });

  test('in rescue it can be deleted, and nothing is left', async () => {
    await ended('rescueInstance');
    expect((await cluster.call<Operation>('deleteInstance', { params })).kind).toBe('operation');
    await cluster.converge();
    expect(await disks()).toEqual([]);
    expect((await cluster.agent.assignments()).replicas).toEqual([]);
  });

  test('cancelled before the disks are exchanged it leaves it as it was', async () => {
    const before = await cluster.instance('hello');
    const { spec } = await ask('rescueInstance');
    await cluster.call('cancelOperation', { params: { ref: String(spec.number) } });
    await cluster.converge();
    expect((await cluster.operation(spec.number)).status.state).toBe('cancelled');
    expect((await cluster.instance('hello')).spec).toEqual(before.spec);
    expect((await cluster.instance('hello')).status.state).toBe('running');
    expect(await disks()).toEqual(['hello:0']);
  });
});
