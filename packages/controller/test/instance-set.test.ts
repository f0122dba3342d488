/** `instance set`: what each change comes to, what it holds of the node, and what is refused. */
import type { Guest, InstanceChanged, Operation } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  for (const [name, vcpus, memoryMiB, extraSpecs] of [
    ['little', 1, 256, {}],
    ['watched', 2, 512, { 'hw:watchdog_action': 'reset' }],
    ['cells', 2, 512, { 'hw:numa_nodes': '2' }],
  ] as const)
    await cluster.call('createFlavor', {
      body: { name, spec: { vcpus, memoryMiB, diskMiB: 64, extraSpecs } },
    });
  await create('web');
});
afterEach(() => cluster.close());

async function create(name: string, more: object = {}) {
  await cluster.call('createInstance', { body: { name, flavor: 'little', image: 'debian/12', ...more } });
  await cluster.converge();
}
const set = (body: object, request: object = {}) =>
  cluster.call<InstanceChanged>('setInstance', { params: { ref: 'web' }, body, ...request });
const guest = () => cluster.call<Guest>('getInstanceGuest', { params: { ref: 'web' } });
const act = async (route: 'startInstance' | 'stopInstance', body = {}) => {
  await cluster.call<Operation>(route, { params: { ref: 'web' }, body });
  await cluster.converge();
};
const brief = ({ changes }: InstanceChanged) =>
  changes.map(({ setting, from, to, applies }) => [setting, from, to, applies]);

describe('a guest that runs', () => {
  test('grows at its next start, and what it will take is held for it', async () => {
    expect(brief(await set({ memoryMiB: 1024, vcpus: 2 }))).toEqual([
      ['vcpus', '1', '2', 'next-start'],
      ['memory', '256 MiB', '1 GiB', 'next-start'],
    ]);
    const held = await guest();
    expect(held.spec).toMatchObject({
      input: { vcpus: 1, memoryMiB: 256 },
      reserved: { vcpus: 2, memoryMiB: 1024 },
    });
    await act('stopInstance', { force: true });
    await act('startInstance');
    const started = await guest();
    expect(started.spec.input).toMatchObject({ vcpus: 2, memoryMiB: 1024 });
    expect(started.spec.reserved).toBeUndefined();
    expect((await cluster.instance('web')).status.state).toBe('running');
  });

  test('a little more is a change', async () => {
    await set({ memoryMiB: 2000 });
    expect(brief(await set({ memoryMiB: 2001 }))).toEqual([['memory', '2000 MiB', '2001 MiB', 'next-start']]);
  });

  test('shrinks at its next start, and keeps what it has until then', async () => {
    await set({ memoryMiB: 64 });
    expect((await guest()).spec).toMatchObject({ input: { memoryMiB: 256 } });
    expect((await guest()).spec.reserved).toBeUndefined();
  });

  test('what it is not to take any more is free again', async () => {
    await set({ memoryMiB: 1024 });
    await set({ memoryMiB: 256 });
    expect((await guest()).spec.reserved).toBeUndefined();
  });

  test('takes the flavor’s sizes and extra specs as they are now', async () => {
    expect(brief(await set({ flavor: 'watched' }))).toEqual([
      ['flavor', 'little', 'watched', 'next-start'],
      ['vcpus', '1', '2', 'next-start'],
      ['memory', '256 MiB', '512 MiB', 'next-start'],
      ['hw:watchdog_action', undefined, 'reset', 'next-start'],
    ]);
    expect(brief(await set({ flavor: 'little', memoryMiB: 512 }))).toEqual([
      ['flavor', 'watched', 'little', 'next-start'],
      ['vcpus', '2', '1', 'next-start'],
      ['hw:watchdog_action', 'reset', undefined, 'next-start'],
    ]);
  });

  test('goes by its restart policy at once, without being wanted anew', async () => {
    const before = await guest();
    expect(brief(await set({ guest: { onPoweroff: 'restart', cpuMode: 'host-model' } }))).toEqual([
      ['guest.cpuMode', undefined, 'host-model', 'next-start'],
      ['guest.onPoweroff', undefined, 'restart', 'now'],
    ]);
    const after = await guest();
    expect(after.spec.life.onPoweroff).toBe('restart');
    expect(after.generation - (after.spec.standing ?? 0)).toBe(before.generation);
    expect(after.generation).toBeGreaterThan(before.generation);
    expect(brief(await set({ guest: { onPoweroff: null } }))).toEqual([
      ['guest.onPoweroff', 'restart', undefined, 'now'],
    ]);
    expect((await guest()).spec.life.onPoweroff).toBe('stop');
  });

  test('a QEMU that reboots by itself goes on doing so', async () => {
    expect(brief(await set({ guest: { onReboot: 'stop' } }))).toEqual([
      ['guest.onReboot', undefined, 'stop', 'next-start'],
    ]);
    expect(brief(await set({ guest: { onReboot: 'restart' } }))).toEqual([
      ['guest.onReboot', 'stop', 'restart', 'now'],
    ]);
  });

  test('hardware of its own waits for its next start', async () => {
    await cluster.agent.report({ node: numaNode() });
    const changes = brief(await set({ flavor: 'cells' }));
    expect(changes.map(([setting, , , applies]) => [setting, applies])).toContainEqual([
      'vcpus',
      'next-start',
    ]);
    expect((await guest()).spec.fit.cells).toBeUndefined();
    await act('stopInstance', { force: true });
    await act('startInstance', {});
    expect((await guest()).spec.fit.cells).toHaveLength(2);
    await act('stopInstance', { force: true });
    await set({ flavor: 'little' });
    expect((await guest()).spec.fit.cells).toBeUndefined();
  });
});

/** As the fake agent reports it, with two cells. */
function numaNode() {
  const status = cluster.agent.nodeStatus();
  if (!status.facts) throw new Error('the fake agent has facts');
  const yes = { usable: true, reason: 'tried' };
  const cells = [0, 1].map((id) => ({
    id,
    memoryMiB: 4096,
    cores: [[id * 2], [id * 2 + 1]],
    pages: [{ sizeKiB: 4, total: 2 ** 20 }],
  }));
  const abilities = {
    cpuTime: yes,
    lockedMemory: yes,
    trafficLimits: yes,
    uefi: yes,
    secureBoot: yes,
    tpm: yes,
    memoryEncryption: yes,
    pciPassthrough: yes,
  };
  const hardware = {
    cells,
    machineAliases: {},
    cpuModels: [],
    cpuFeatures: [],
    firmware: [],
    tpm: { versions: [], models: [] },
    diskBuses: ['virtio' as const],
    videoModels: ['virtio' as const],
    pciFunctions: [],
    abilities,
  };
  return { ...status, facts: { ...status.facts, hardware } };
}

test('a stopped guest has it all in its binding, and takes it when it starts', async () => {
  await act('stopInstance', { force: true });
  const { changes } = await set({ memoryMiB: 128, guest: { onCrash: 'stop' } });
  expect(changes).toMatchObject([
    { setting: 'memory', applies: 'next-start', why: 'it does not run: its next start takes it' },
    { setting: 'guest.onCrash', applies: 'now' },
  ]);
  expect((await guest()).spec).toMatchObject({ input: { memoryMiB: 128 }, life: { onCrash: 'stop' } });
  await act('startInstance');
  expect((await cluster.instance('web')).status.state).toBe('running');
});

describe('the node’s memory', () => {
  test('is asked, and the refusal has the numbers', async () => {
    const refused = await set({ memoryMiB: 100_000 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'cannot_grow' });
    expect(String(refused)).toMatch(
      /node n1 cannot give web .*memory: 98 GiB needed with QEMU’s own, \d\.\d GiB free/,
    );
    const { spec } = await cluster.instance('web');
    expect(spec.memoryMiB).toBe(256);
    const most = /at most ([\d.]+) GiB/.exec((refused as { hint: string }).hint)?.[1];
    await set({ memoryMiB: Math.floor(Number(most) * 1024) - 64 });
  });

  test('is given once where two grow at the same time', async () => {
    await create('db');
    const grow = (ref: string) =>
      cluster.call('setInstance', { params: { ref }, body: { memoryMiB: 4096 } }).then(
        () => 'grown',
        (error: { code: string }) => error.code,
      );
    const ends = await Promise.all([grow('web'), grow('db')]);
    expect(ends.toSorted()).toEqual(['cannot_grow', 'grown']);
  });

  test('that is held is not given to a new instance', async () => {
    await set({ memoryMiB: 6144 });
    const body = { name: 'db', flavor: 'little', memoryMiB: 2048, image: 'debian/12' };
    await expect(cluster.call('createInstance', { body })).rejects.toMatchObject({ code: 'no_capacity' });
  });

  test('that is short does not keep a guest from shrinking', async () => {
    const status = cluster.agent.nodeStatus();
    if (!status.facts) throw new Error('the fake agent has facts');
    await cluster.agent.report({ node: { ...status, facts: { ...status.facts, memoryMiB: 64 } } });
    expect(brief(await set({ memoryMiB: 128 }))).toHaveLength(1);
  });
});

describe('what it boots', () => {
  test('waits for the next start; what is not named stays', async () => {
    await set({ boot: { kernel: 'node', initrd: 'node', args: 'quiet' } });
    expect(brief(await set({ boot: { args: 'debug', initrd: null } }))).toEqual([
      ['boot.args', 'quiet', 'debug', 'next-start'],
      ['boot.initrd', 'node', undefined, 'next-start'],
    ]);
    expect((await cluster.instance('web')).spec.boot).toEqual({
      kernel: 'node',
      root: '/dev/vda',
      args: 'debug',
    });
  });

  test('arguments of a kernel that the disk chooses are refused, and so is no kernel', async () => {
    await set({ boot: { kernel: 'disk', initrd: null, root: null } });
    await expect(set({ boot: { args: 'quiet' } })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(set({ boot: { kernel: null } })).rejects.toMatchObject({ code: 'invalid_body' });
  });

  test('files of a node are an administrator’s to name', async () => {
    const { secret } = await cluster.call<{ secret: string }>('createToken', {
      body: { name: 'op', spec: { role: 'operator' } },
    });
    const boot = { kernel: '/etc/shadow' };
    await expect(
      cluster.controller.call('setInstance', { token: secret, params: { ref: 'web' }, body: { boot } }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });
});

test('bounds of the cluster hold for what is set, and not for what stays', async () => {
  const sizes = [
    { of: 'memory', most: 512 },
    { of: 'vcpus', least: 2 },
  ];
  await cluster.call('setClusterPolicy', { body: { host: { sizes } } });
  expect(brief(await set({ memoryMiB: 512 }))).toHaveLength(1);
  await expect(set({ memoryMiB: 1024 })).rejects.toThrow(/at most 512 MiB are allowed here/);
});

test('labels and protection are set at once, while an operation is busy too', async () => {
  await cluster.call('stopInstance', { params: { ref: 'web' }, body: {} });
  await expect(set({ memoryMiB: 128 })).rejects.toMatchObject({ code: 'busy' });
  expect(brief(await set({ protected: true, labels: { tier: 'front', old: null } }))).toEqual([
    ['label.tier', undefined, 'front', 'now'],
    ['protected', 'no', 'yes', 'now'],
  ]);
  await cluster.converge();
  expect((await cluster.instance('web')).labels).toEqual({ tier: 'front' });
  await expect(cluster.call('deleteInstance', { params: { ref: 'web' } })).rejects.toMatchObject({
    code: 'protected',
  });
  await set({ protected: false, labels: { tier: null } });
  expect((await cluster.instance('web')).labels).toBeUndefined();
  await cluster.call('deleteInstance', { params: { ref: 'web' } });
});

test('of protecting and deleting at the same time one wins, and the other is told', async () => {
  const ends = await Promise.allSettled([
    cluster.call('deleteInstance', { params: { ref: 'web' } }),
    set({ protected: true }),
  ]);
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('what changes nothing writes nothing; a plan neither', async () => {
  const before = await cluster.store.revision();
  expect((await set({ memoryMiB: 256, flavor: 'little' })).changes).toEqual([]);
  expect(brief(await set({ memoryMiB: 512 }, { query: { plan: true } }))).toHaveLength(1);
  expect(await cluster.store.revision()).toBe(before);
});

test('who looked at another revision is refused', async () => {
  await expect(set({ protected: true }, { ifMatch: '"1.1"' })).rejects.toMatchObject({
    code: 'precondition_failed',
  });
});

test('the audit says what was set', async () => {
  await set({ memoryMiB: 512 });
  const { items } = await cluster.call<{ items: { message: string }[] }>('listEvents');
  expect(items.map(({ message }) => message)).toContain('set memory=512 MiB of instance web');
});

test.each<[string, object, string]>([
  ['no memory', { memoryMiB: 0 }, 'invalid_body'],
  ['too many vCPUs', { vcpus: 1e9 }, 'invalid_body'],
  ['a fraction', { vcpus: 1.5 }, 'invalid_body'],
  ['an unknown field', { memory: 1 }, 'unknown_field'],
  ['an unknown flavor', { flavor: 'huge' }, 'not_found'],
  ['a policy that is none', { guest: { onPoweroff: 'dance' } }, 'invalid_body'],
  ['a policy that cannot hold', { guest: { onReboot: 'stop', onPoweroff: 'restart' } }, 'invalid_property'],
  ['a custom CPU without model', { guest: { cpuMode: 'custom' } }, 'invalid_property'],
  ['a label with a newline', { labels: { a: 'x\ny' } }, 'invalid_body'],
  ['a label whose key is no key', { labels: { 'a\nb': 'x' } }, 'invalid_body'],
])('%s is refused, and changes nothing', async (_, body, code) => {
  const before = await cluster.instance('web');
  await expect(set(body)).rejects.toMatchObject({ code });
  expect(await cluster.instance('web')).toEqual(before);
});
