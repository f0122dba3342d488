/** clone: what it makes, what is refused, what a failure leaves, and who may do what meanwhile. */
import {
  type Disk,
  err,
  type Instance,
  type Network,
  type Operation,
  type RouteName,
  type StatusReport,
  toProblem,
} from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { addNode } from '../src/testing/more-nodes.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
const params = { ref: 'hello' };
beforeEach(async () => {
  cluster = await testCluster();
  const labels = { tier: 'web' };
  const body = { name: 'hello', flavor: 'small', image: 'debian/12', labels };
  await cluster.call('createInstance', { body });
  await cluster.converge();
});
afterEach(() => cluster.close());

const ask = (route: RouteName, body: object = {}) => cluster.call<Operation>(route, { params, body });
const clone = (body: object = {}) => ask('cloneInstance', { name: 'copy', ...body });
const disks = async () => (await cluster.call<{ items: Disk[] }>('listDisks')).items.map(({ name }) => name);
const names = async () =>
  (await cluster.call<{ items: Instance[] }>('listInstances')).items.map(({ name }) => name);
async function ended({ spec }: Operation): Promise<Operation> {
  await cluster.converge();
  return cluster.operation(spec.number);
}
const stop = async () => ended(await ask('stopInstance', { force: true }));
const replicasOf = async (name: string) => {
  const { spec } = await cluster.instance(name);
  const { replicas } = await cluster.agent.assignments();
  return replicas.filter(({ spec: of }) => of.what === 'disk' && spec.disks.includes(of.disk));
};
const addresses = async () => {
  const network = (await cluster.store.named('network', 'default'))[0] as Network;
  return (await cluster.store.claims(`ipv4:${network.id}`)).length;
};

describe('what is refused', () => {
  test.each<[object, string]>([
    [{}, 'clone_needs_choice'],
    [{ running: 'quickly' }, 'invalid_body'],
    [{ running: 'crash', name: 'hello' }, 'name_taken'],
    [{ running: 'crash', name: 'no good' }, 'invalid_body'],
    [{ running: 'crash', node: 'n9' }, 'not_found'],
    [{ running: 'crash', flavor: 'nothing' }, 'not_found'],
    [{ running: 'crash', nics: [{ network: 'default', address: '10.9.8.10' }] }, 'address_taken'],
    [{ running: 'crash', nics: [{ network: 'nothing' }] }, 'not_found'],
    [{ running: 'crash', disks: [] }, 'unknown_field'],
  ])('%j: %s', async (body, code) => {
    await expect(clone(body)).rejects.toMatchObject({ code });
    expect(await names()).toEqual(['hello']);
    expect((await cluster.instance('hello')).status.operation).toBeUndefined();
    expect(await addresses()).toBe(1);
  });

  test('a source in rescue', async () => {
    await ended(await ask('rescueInstance'));
    await expect(clone({ running: 'stop' })).rejects.toMatchObject({ code: 'in_rescue' });
  });

  test('a locked source going down for it; copying it while it runs or is down changes nothing of it', async () => {
    await ask('lockInstance', { reason: 'audit' });
    await expect(clone()).rejects.toMatchObject({ code: 'clone_needs_choice' });
    await expect(clone({ running: 'stop' })).rejects.toMatchObject({ code: 'locked' });
    const { spec, status } = await cluster.instance('hello');
    expect((await ended(await clone({ running: 'crash' }))).status.state).toBe('succeeded');
    const { spec: copy } = await cluster.instance('copy');
    expect([spec.locked?.reason, copy.locked]).toEqual(['audit', undefined]);
    expect(await cluster.instance('hello')).toMatchObject({ spec, status: { state: status.state } });
    await ask('unlockInstance');
    await stop();
    await ask('lockInstance', { reason: 'audit' });
    expect((await ended(await clone({ name: 'copy2' }))).status.state).toBe('succeeded');
    expect(await cluster.instance('hello')).toMatchObject({ spec: { power: 'stopped' } });
  });

  test('a locked source that crashed and is to run again', async () => {
    await ask('lockInstance', { reason: 'audit' });
    cluster.agent.alter = (report) =>
      report.kind === 'guest' ? { ...report, status: { ...report.status, state: 'crashed' } } : report;
    await cluster.converge();
    await expect(clone()).rejects.toMatchObject({ code: 'locked' });
  });

  test('freezing one that is paused: its agent cannot answer', async () => {
    cluster.agent.alter = (report) =>
      report.kind === 'guest' ? { ...report, status: { ...report.status, state: 'paused' } } : report;
    await cluster.converge();
    await expect(clone({ running: 'quiesce' })).rejects.toMatchObject({ code: 'wrong_state' });
    const { spec } = await clone({ running: 'crash', name: 'copy' });
    expect(spec.kind).toBe('instance.clone');
  });

  test('a node whose agent knows of no copies', async () => {
    cluster.agent.capabilities = ['disk:send'];
    await cluster.agent.hello();
    await expect(clone({ running: 'crash' })).rejects.toMatchObject({ code: 'wrong_state' });
  });

  test('beyond the quota of its project, and where no address is left', async () => {
    const quota = (instances: number | null) =>
      cluster.call('setProject', { params: { ref: 'default' }, body: { quota: { instances } } });
    await quota(1);
    await expect(clone({ running: 'crash' })).rejects.toMatchObject({ code: 'quota_exceeded' });
    await quota(null);
    for (const name of ['a', 'b', 'c'])
      await cluster.call('createInstance', { body: { name, flavor: 'tiny', image: 'debian/12' } });
    await cluster.converge();
    await expect(clone({ running: 'crash' })).rejects.toMatchObject({ code: 'pool_exhausted' });
  });

  test('a running one to another node', async () => {
    await addNode(cluster, 'n2');
    await expect(clone({ running: 'crash', node: 'n2' })).rejects.toMatchObject({ code: 'not_supported' });
  });

  test('no room: with the reason', async () => {
    await cluster.call('createFlavor', { body: { name: 'huge', spec: { vcpus: 1, memoryMiB: 2 ** 20 } } });
    await expect(clone({ running: 'crash', flavor: 'huge' })).rejects.toMatchObject({ code: 'no_capacity' });
  });
});

describe('of a stopped one', () => {
  beforeEach(stop);

  test('--plan says what would happen, and nothing does', async () => {
    const query = { plan: true };
    const { plan } = await cluster.call<{ plan: string[] }>('cloneInstance', {
      params,
      query,
      body: { name: 'copy' },
    });
    expect(plan).toEqual([
      expect.stringMatching(/^clone instance hello as copy: 1 vCPU, /),
      'on node n1, 1 looked at',
      expect.stringMatching(/^copy its disk: .*, of a guest that is down$/),
      expect.stringMatching(/^nic 0: network default, MAC .*, address 10\.9\.8\.11$/),
      'it is told the host name copy; machine-id, ssh host keys and addresses are made anew when it boots',
      'start it',
    ]);
    expect(await names()).toEqual(['hello']);
    expect(await addresses()).toBe(1);
  });

  test('it is like its source, and has its own of what nobody shares', async () => {
    const source = await cluster.instance('hello');
    expect((await ended(await clone())).status).toMatchObject({ state: 'succeeded' });
    const copy = await cluster.instance('copy');
    expect(copy.status.state).toBe('running');
    expect(copy.labels).toEqual({ tier: 'web' });
    expect(copy.spec).toMatchObject({
      flavor: source.spec.flavor,
      vcpus: source.spec.vcpus,
      boot: source.spec.boot,
      personality: { hostname: 'copy' },
      origin: { instance: source.id, name: 'hello', consistency: 'stopped' },
    });
    const [nic, other] = [copy.spec.nics[0], source.spec.nics[0]];
    expect(nic?.network).toBe(other?.network);
    expect([nic?.mac, nic?.ipv4]).not.toEqual([other?.mac, other?.ipv4]);
    expect(copy.spec.disks).not.toEqual(source.spec.disks);
    expect(await disks()).toEqual(['copy:0', 'hello:0']);
    const [replica] = await replicasOf('copy');
    expect(replica?.spec).toMatchObject({
      copy: { from: source.spec.disks[0], of: source.id, to: copy.id, files: true },
    });
    const after = await cluster.instance('hello');
    expect(after.status).toMatchObject({ state: 'stopped' });
    expect(after.status.operation).toBeUndefined();
    expect((await ended(await ask('startInstance'))).status.state).toBe('succeeded');
  });

  test('both can be deleted, and nothing is left', async () => {
    await ended(await clone({ power: 'stopped' }));
    expect((await cluster.instance('copy')).status.state).toBe('stopped');
    for (const ref of ['hello', 'copy']) await cluster.call('deleteInstance', { params: { ref } });
    await cluster.converge();
    expect(await disks()).toEqual([]);
    expect(await addresses()).toBe(0);
  });

  test('with another flavor, other labels, another address, another node', async () => {
    const n2 = await addNode(cluster, 'n2');
    await cluster.call('createFlavor', { body: { name: 'big', spec: { vcpus: 2, memoryMiB: 1024 } } });
    const nics = [{ network: 'default', address: '10.9.8.13' }];
    const { spec } = await clone({ node: 'n2', flavor: 'big', labels: {}, nics });
    for (let turn = 0; turn < 3; turn++) {
      await cluster.converge();
      await n2.round();
    }
    expect((await cluster.operation(spec.number)).status.state).toBe('succeeded');
    const copy = await cluster.instance('copy');
    expect(copy.spec).toMatchObject({ vcpus: 2, memoryMiB: 1024, nics: [{ ipv4: '10.9.8.13' }] });
    expect(copy.labels ?? {}).toEqual({});
    const { replicas, guests } = await n2.assignments();
    expect(guests.map(({ name }) => name)).toEqual(['copy']);
    expect(replicas.find(({ spec: of }) => of.what === 'disk')?.spec).toMatchObject({ receive: {} });
    // the order to send is withdrawn
    expect((await replicasOf('hello'))[0]?.spec).not.toHaveProperty('send');
  });
});

describe('of one that crashed', () => {
  const crash = async (more: object) => {
    cluster.agent.alter = (report) =>
      report.kind === 'guest'
        ? { ...report, status: { ...report.status, state: 'crashed', endedBy: 'crash', ...more } }
        : report;
    await cluster.converge();
    cluster.agent.alter = (report) => report;
  };
  const outcome = async () => {
    expect((await ended(await clone())).status.state).toBe('succeeded');
    await cluster.converge();
    const { spec, status } = await cluster.instance('hello');
    return [spec.power, status.state];
  };

  test('and that its policy starts again soon: it is started when its disks are copied', async () => {
    await crash({ reason: 'restarts soon' });
    expect(await outcome()).toEqual(['running', 'running']);
  });

  test('and that stays down: it does', async () => {
    await crash({});
    expect(await outcome()).toEqual(['stopped', 'stopped']);
  });
});

describe('of one that runs', () => {
  test.each(['quiesce', 'crash'] as const)('%s: its QEMU copies, and it runs on', async (running) => {
    const { spec } = await clone({ running });
    const source = async () =>
      (await cluster.agent.assignments()).guests.find(({ name }) => name === 'hello')?.spec;
    expect(await source()).toMatchObject({
      power: 'running',
      copies: { operation: expect.any(String), freeze: running === 'quiesce', disks: [{}] },
    });
    await cluster.converge();
    expect((await cluster.operation(spec.number)).status.state).toBe('succeeded');
    expect(await source()).not.toHaveProperty('copies');
    const copy = await cluster.instance('copy');
    const consistency = running === 'quiesce' ? 'quiesced' : 'crash';
    expect(copy.spec.origin?.consistency).toBe(consistency);
    expect(copy.status.state).toBe('running');
    expect((await cluster.instance('hello')).status.state).toBe('running');
  });

  test('a copy says nothing of whether it is wanted: one that powers itself off meanwhile stays down', async () => {
    const wish = async () => {
      const { guests } = await cluster.agent.assignments();
      const guest = guests.find(({ name }) => name === 'hello');
      return (guest?.generation ?? 0) - (guest?.spec.standing ?? 0);
    };
    const before = await wish();
    const operation = await clone({ running: 'crash' });
    expect(await wish()).toBe(before);
    expect((await ended(operation)).status.state).toBe('succeeded');
    expect(await wish()).toBe(before);
  });

  test('stop: it goes down for the copy and comes up again', async () => {
    const patience = async () => {
      const { guests } = await cluster.agent.assignments();
      return guests.find(({ name }) => name === 'hello')?.spec.life.stopTimeoutMs;
    };
    const before = await patience();
    const { spec } = await clone({ running: 'stop', timeoutMs: 1000 });
    expect([(await cluster.instance('hello')).status.state, await patience()]).toEqual(['stopping', 1000]);
    await cluster.converge();
    const { status } = await cluster.operation(spec.number);
    expect(status.state).toBe('succeeded');
    expect(status.steps.map(({ name }) => name)).toEqual([
      'placed',
      'source stopped',
      'disks copied',
      'running',
    ]);
    expect([(await cluster.instance('hello')).status.state, await patience()]).toEqual(['running', before]);
  });

  const failing = (what: (status: StatusReport) => boolean) => {
    const error = toProblem(err('copy_failed', { why: 'a disk is full' }));
    cluster.agent.alter = (report) =>
      report.kind === 'replica' && report.status.state === 'ready' && what(report)
        ? { ...report, status: { state: 'failed', error } }
        : report;
  };

  test.each(['quiesce', 'crash', 'stop'] as const)('%s that fails leaves no half copy', async (running) => {
    const known = new Set((await cluster.agent.assignments()).replicas.map(({ id }) => id));
    failing(({ kind, ...report }) => kind === 'replica' && 'id' in report && !known.has(report.id));
    const operation = await ended(await clone({ running }));
    expect(operation.status).toMatchObject({ state: 'failed', error: { code: 'copy_failed' } });
    expect(await names()).toEqual(['hello']);
    expect(await disks()).toEqual(['hello:0']);
    expect(await addresses()).toBe(1);
    const source = await cluster.instance('hello');
    expect(source.status.state).toBe('running');
    expect(source.status.operation).toBeUndefined();
    cluster.agent.alter = (report) => report;
    expect((await ended(await clone({ running: 'crash' }))).status.state).toBe('succeeded');
  });

  test('cancelled, and past its deadline', async () => {
    cluster.agent.alter = (report) =>
      report.kind === 'replica' && report.status.state === 'ready' && !known.has(report.id)
        ? { ...report, status: { state: 'creating' } }
        : report;
    const known = new Set((await cluster.agent.assignments()).replicas.map(({ id }) => id));
    const first = await clone({ running: 'crash' });
    await cluster.call('cancelOperation', { params: { ref: String(first.spec.number) } });
    expect((await ended(first)).status.state).toBe('cancelled');
    const second = await clone({ running: 'crash', deadlineMs: 5000 });
    await cluster.env.pass(6000);
    await settle();
    expect((await ended(second)).status).toMatchObject({
      state: 'failed',
      error: { code: 'deadline_exceeded' },
    });
    expect(await names()).toEqual(['hello']);
    const source = (await cluster.agent.assignments()).guests[0];
    expect(source?.spec).not.toHaveProperty('copies');
  });
});

describe('two at once', () => {
  test('nothing else is done with a source that is being copied', async () => {
    await clone({ running: 'crash' });
    await expect(cluster.call('deleteInstance', { params })).rejects.toMatchObject({ code: 'busy' });
    for (const route of ['stopInstance', 'moveInstance', 'rebootInstance'] as const)
      await expect(ask(route)).rejects.toMatchObject({ code: 'busy' });
    await expect(ask('cloneInstance', { name: 'other', running: 'crash' })).rejects.toMatchObject({
      code: 'busy',
    });
    await expect(cluster.call('deleteInstance', { params: { ref: 'copy' } })).rejects.toMatchObject({
      code: 'busy',
    });
    await cluster.converge();
    expect((await ended(await ask('stopInstance', { force: true }))).status.state).toBe('succeeded');
  });

  test('a request that is repeated makes one clone', async () => {
    const body = { name: 'copy', running: 'crash' };
    const once = () => cluster.call<Operation>('cloneInstance', { params, body, idempotencyKey: 'k' });
    const [first, second] = [await once(), await once()];
    expect(second.id).toBe(first.id);
    await cluster.converge();
    expect(await names()).toEqual(['copy', 'hello']);
  });
});
