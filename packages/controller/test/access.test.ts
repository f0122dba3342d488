/** Tokens, roles, projects, idempotency, preconditions. */
import { type Instance, type Operation, type RouteName, routes } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const body = { name: 'hello', flavor: 'small', image: 'debian/12' };
const token = async (name: string, spec: object): Promise<string> =>
  (await cluster.call<{ secret: string }>('createToken', { body: { name, spec } })).secret;
const as =
  (secret: string) =>
  (route: RouteName, request: object = {}) =>
    cluster.controller.call(route, { token: secret, ...request });
const names = async (reply: Promise<{ body?: unknown }>) =>
  ((await reply).body as { items: { name: string }[] }).items.map(({ name }) => name);

describe('tokens', () => {
  test.each([undefined, '', 'nonsense', `gantry_${'A'.repeat(43)}`])('%s is refused', async (secret) => {
    for (const route of ['listInstances', 'createInstance', 'report', 'whoami'] as const)
      await expect(cluster.controller.call(route, { token: secret })).rejects.toMatchObject({
        code: 'unauthenticated',
      });
  });

  test('only health needs none', async () => {
    const open = Object.entries(routes).filter(([, { roles }]) => roles.length === 0);
    expect(open.map(([name]) => name)).toEqual(['health']);
    expect((await cluster.controller.call('health')).body).toMatchObject({ ok: true });
  });

  test('one that expired, was revoked or deleted is refused, each in its own words', async () => {
    const expiresAt = new Date(cluster.env.clock.now() + 1000).toISOString();
    const viewer = as(await token('v', { role: 'viewer', expiresAt }));
    await viewer('whoami');
    await cluster.env.pass(1000);
    await expect(viewer('whoami')).rejects.toMatchObject({ code: 'token_expired', status: 401 });
    const second = as(await token('w', { role: 'viewer' }));
    await cluster.call('revokeToken', { params: { ref: 'w' } });
    await expect(second('whoami')).rejects.toMatchObject({ code: 'token_revoked', status: 401 });
    await cluster.call('revokeToken', { params: { ref: 'w' } });
    await cluster.call('deleteToken', { params: { ref: 'w' } });
    await expect(second('whoami')).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test.each(['deleted', 'revoked', 'expired'])('a watch ends when its token is %s', async (how) => {
    const expiresAt = new Date(cluster.env.clock.now() + 60_000).toISOString();
    const viewer = as(await token('v', { role: 'viewer', expiresAt }));
    const { events } = await viewer('watch');
    const reading = (async () => {
      for await (const _ of events ?? []);
      return 'ended';
    })();
    await settle();
    if (how === 'deleted') await cluster.call('deleteToken', { params: { ref: 'v' } });
    else if (how === 'revoked') await cluster.call('revokeToken', { params: { ref: 'v' } });
    else await cluster.env.pass(60_000);
    expect(await Promise.race([reading, settle().then(() => 'goes on')])).toBe('ended');
  });

  test('the secret is not kept anywhere', async () => {
    const secret = await token('v', { role: 'viewer' });
    const everything = JSON.stringify([
      await cluster.store.list('token'),
      await cluster.store.events({}, 1000),
      await cluster.store.changesAfter(0, 1000),
    ]);
    expect(everything).not.toContain(secret.slice(10));
  });

  test('many wrong tokens make one event a minute', async () => {
    for (let time = 0; time < 5; time++)
      await cluster.controller.call('whoami', { token: 'x' }).catch(() => undefined);
    expect(await cluster.store.events({ type: 'api.unauthenticated' }, 10)).toHaveLength(1);
  });
});

describe('roles and projects', () => {
  test('who is bound to a project sees and makes only its own; names are free in each', async () => {
    await cluster.call('createProject', { body: { name: 'blue' } });
    await cluster.call('createInstance', { body });
    const blue = as(await token('b', { role: 'operator', project: 'blue' }));
    const red = as(await token('r', { role: 'operator', project: 'default' }));
    expect(await names(blue('listInstances'))).toEqual([]);
    await expect(blue('getInstance', { params: { ref: 'hello' } })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(red('getInstance', { params: { ref: 'helo' } })).rejects.toMatchObject({
      hint: 'Did you mean hello? List what exists with `gantry instance list`.',
    });
    // what he does not see is not told by a hint either
    await expect(blue('getInstance', { params: { ref: 'hel' } })).rejects.toMatchObject({
      hint: 'List what exists with `gantry instance list`.',
    });
    await blue('createInstance', { body });
    await blue('createImage', { body: { name: 'own', spec: { source: 'os', os: { provider: 'x' } } } });
    expect(await names(blue('listInstances'))).toEqual(['hello']);
    expect(await names(blue('listImages'))).toEqual(['debian/12', 'own']);
    expect(await names(red('listImages'))).toEqual(['debian/12']);
    expect(await names(blue('listOperations'))).toEqual(['2']);
    expect(await names(red('listOperations'))).toEqual(['1']);
    await expect(red('getOperation', { params: { ref: '2' } })).rejects.toMatchObject({ code: 'not_found' });
    await expect(red('cancelOperation', { params: { ref: '2' } })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(blue('deleteImage', { params: { ref: 'debian/12' } })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(cluster.call('getInstance', { params: { ref: 'hello' } })).rejects.toMatchObject({
      code: 'ambiguous',
    });
    await expect(cluster.call('deleteProject', { params: { ref: 'blue' } })).rejects.toMatchObject({
      code: 'in_use',
    });
    const events = (await blue('listEvents')).body as { items: { actor: string }[] };
    expect(new Set(events.items.map(({ actor }) => actor))).toEqual(new Set(['admin']));
  });

  test('a request about one project: names, new things and lists are its own', async () => {
    const { id } = await cluster.call<{ id: string }>('createProject', { body: { name: 'blue' } });
    await cluster.call('createInstance', { body });
    const made = await cluster.call<Operation>('createInstance', { body, project: 'blue' });
    expect(made.project).toBe(id);
    const show = (project?: string) =>
      cluster.call<Instance>('getInstance', { params: { ref: 'hello' }, ...(project ? { project } : {}) });
    expect((await show('blue')).project).toBe(id);
    expect((await show(id)).project).toBe(id);
    const other = await show('default');
    expect(other.project).not.toBe(id);
    await expect(show()).rejects.toMatchObject({
      code: 'ambiguous',
      message: expect.stringMatching(
        /hello of project (default|blue) \(.*hello of project (default|blue) \(/,
      ),
      hint: expect.stringContaining('--project'),
    });
    await expect(show('green')).rejects.toMatchObject({ code: 'not_found', params: { kind: 'project' } });

    await cluster.converge();
    const list = async (route: RouteName, project: string) =>
      (await cluster.call<{ items: { project?: string }[] }>(route, { project })).items;
    for (const route of ['listInstances', 'listOperations', 'listDisks'] as const)
      expect((await list(route, 'blue')).map(({ project }) => project)).toEqual([id]);
    expect(await list('listNodes', 'blue')).toHaveLength(1);
    await expect(
      cluster.call('getInstance', { params: { ref: other.id }, project: 'blue' }),
    ).rejects.toMatchObject({ code: 'not_found' });

    const spec = { source: 'os', os: { provider: 'x' } };
    await cluster.call('createImage', { body: { name: 'own', spec }, project: 'blue' });
    expect((await list('listImages', 'blue')).length).toBe((await list('listImages', 'default')).length + 1);

    await cluster.call('stopInstance', { params: { ref: 'hello' }, body: { force: true }, project: 'blue' });
    await cluster.converge();
    expect((await show('blue')).status.state).toBe('stopped');
    expect((await show('default')).status.state).toBe('running');
  });

  test('a project that the token does not reach cannot be chosen; the same key counts in each alone', async () => {
    await cluster.call('createProject', { body: { name: 'blue' } });
    const red = as(await token('r', { role: 'operator', project: 'default' }));
    await expect(red('listInstances', { project: 'blue' })).rejects.toMatchObject({ code: 'not_found' });
    expect(await names(red('listInstances', { project: 'default' }))).toEqual([]);
    await cluster.call('createInstance', { body, idempotencyKey: 'k' });
    await expect(
      cluster.call('createInstance', { body, idempotencyKey: 'k', project: 'blue' }),
    ).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });

  test('files of a node are an administrator’s to boot', async () => {
    const operator = as(await token('o', { role: 'operator', project: 'default' }));
    for (const boot of [{ kernel: '/etc/shadow' }, { kernel: 'node', initrd: '/root/.ssh/id_ed25519' }]) {
      await expect(operator('createInstance', { body: { ...body, boot } })).rejects.toMatchObject({
        code: 'forbidden',
      });
      const image = { name: 'thief', spec: { source: 'file', format: 'raw', boot } };
      await expect(operator('createImage', { body: image })).rejects.toMatchObject({ code: 'forbidden' });
    }
    await cluster.call('createInstance', { body: { ...body, boot: { kernel: '/boot/vmlinuz' } } });
  });

  test('whom a node asks for a system is an administrator’s to name', async () => {
    const operator = as(await token('o', { role: 'operator', project: 'default' }));
    await operator('createInstance', { body });
    await cluster.converge();
    const params = { ref: 'hello' };
    for (const name of ['mirror', 'proxy']) {
      const os = { provider: 'debootstrap', parameters: { [name]: 'http://169.254.169.254/latest' } };
      const wanted = { name: 'spy', vcpus: 1, memoryMiB: 512, disks: [{ sizeMiB: 2048 }], os };
      const image = { name: 'spy', spec: { source: 'os', os } };
      const refused = { code: 'forbidden', message: expect.stringContaining(`ask the ${name}`) };
      await expect(operator('createInstance', { body: wanted })).rejects.toMatchObject(refused);
      await expect(operator('createImage', { body: image })).rejects.toMatchObject(refused);
      await expect(operator('reinstallInstance', { params, body: { os, stop: true } })).rejects.toMatchObject(
        refused,
      );
      await expect(operator('rescueInstance', { params, body: { os } })).rejects.toMatchObject(refused);
    }
    const parameters = { mirror: 'http://mirror.test/debian' };
    const given = { name: 'given', spec: { source: 'os', os: { provider: 'debootstrap', parameters } } };
    await cluster.call('createImage', { body: given });
    await operator('createInstance', { body: { ...body, name: 'from-it', image: 'given' } });
  });

  test('a watch tells only what its token may see', async () => {
    const from = await cluster.store.revision();
    await cluster.call('createProject', { body: { name: 'blue' } });
    await cluster.call('createInstance', { body });
    const blue = as(await token('b', { role: 'viewer', project: 'blue' }));
    const over = new AbortController();
    const { events } = await blue('watch', { query: { from }, signal: over.signal });
    const told: string[] = [];
    for await (const { event, data } of events ?? []) {
      if (event === 'bookmark') break;
      told.push((data as { kind: string }).kind);
    }
    over.abort();
    expect(new Set(told)).toEqual(new Set(['project', 'token']));
  });
});

describe('repeating requests', () => {
  test('the same key twice is the same operation, also when both come at once', async () => {
    const request = { body, idempotencyKey: 'k1' };
    const [first, second] = await Promise.all([
      cluster.call<Operation>('createInstance', request),
      cluster.call<Operation>('createInstance', request),
    ]);
    expect(second.id).toBe(first.id);
    await cluster.converge();
    const third = await cluster.call<Operation>('createInstance', request);
    expect([third.id, third.status.state]).toEqual([first.id, 'succeeded']);
    expect(await cluster.store.counter('operation')).toBe(1);
    await expect(
      cluster.call('createInstance', { body: { ...body, vcpus: 2 }, idempotencyKey: 'k1' }),
    ).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });

  test('a repeated deletion is the same operation', async () => {
    await cluster.call('createInstance', { body });
    await cluster.converge();
    const request = { params: { ref: 'hello' }, idempotencyKey: 'd' };
    const first = await cluster.call<Operation>('deleteInstance', request);
    await cluster.converge();
    const second = await cluster.call<Operation>('deleteInstance', request);
    expect([second.id, second.status.state]).toEqual([first.id, 'succeeded']);
  });

  test('keys of different tokens do not meet', async () => {
    const other = as(await token('o', { role: 'admin' }));
    await cluster.call('createInstance', { body, idempotencyKey: 'k' });
    const second = await other('createInstance', { body: { ...body, name: 'second' }, idempotencyKey: 'k' });
    expect((second.body as Operation).spec.target.name).toBe('second');
  });

  test('a key is forgotten after a day', async () => {
    await cluster.call('createFlavor', {
      body: { name: 'f', spec: { vcpus: 1, memoryMiB: 1 } },
      idempotencyKey: 'k',
    });
    await cluster.env.pass(25 * 3_600_000);
    await expect(
      cluster.call('createFlavor', {
        body: { name: 'f', spec: { vcpus: 1, memoryMiB: 1 } },
        idempotencyKey: 'k',
      }),
    ).rejects.toMatchObject({ code: 'name_taken' });
  });

  test('many creates at once get numbers, addresses and MACs of their own', async () => {
    cluster.agent.facts = { memoryMiB: 65_536, cpus: 64, diskMiB: 2 ** 20 };
    await cluster.agent.hello();
    const spec = { mode: 'nat', bridge: 'gy1', subnet: { cidr: '10.1.0.0/24' } };
    await cluster.call('createNetwork', { body: { name: 'wide', spec } });
    const made = await Promise.all(
      Array.from({ length: 50 }, (_, number) =>
        cluster.call<Operation>('createInstance', {
          body: { ...body, name: `i${number}`, nics: [{ network: 'wide' }] },
        }),
      ),
    );
    expect(new Set(made.map(({ spec: { number } }) => number)).size).toBe(50);
    await cluster.converge();
    const { items } = await cluster.store.list('instance');
    expect(new Set(items.map(({ spec }) => spec.nics[0]?.ipv4)).size).toBe(50);
    expect(new Set(items.map(({ spec }) => spec.nics[0]?.mac)).size).toBe(50);
  });

  test('two creates do not share what has room for one', async () => {
    cluster.agent.facts = { memoryMiB: 1600, cpus: 8, diskMiB: 2 ** 20 };
    await cluster.agent.hello();
    const results = await Promise.allSettled(
      ['a', 'b'].map((name) => cluster.call('createInstance', { body: { ...body, name, memoryMiB: 700 } })),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'no_capacity' },
    });
  });
});

test('a change of what was changed meanwhile is refused by If-Match', async () => {
  const { headers } = await cluster.controller.call('getFlavor', {
    token: cluster.adminToken,
    params: { ref: 'small' },
  });
  const set = (ifMatch: string) =>
    cluster.call('setFlavor', {
      params: { ref: 'small' },
      body: { extraSpecs: { 'hw:watchdog_action': 'reset' } },
      ifMatch,
    });
  const etag = headers?.['etag'] ?? '';
  expect(etag).toMatch(/^"\d+\.\d+"$/);
  await set(etag);
  await expect(set(etag)).rejects.toMatchObject({ code: 'precondition_failed' });
  await set('*');
});

test('every background task tells how it is doing', async () => {
  const { items } = await cluster.call<{ items: { name: string; runs: number; failures: number }[] }>(
    'listTasks',
  );
  expect(items.map(({ name }) => name)).toContain('operations-advance');
  for (const task of items) expect([task.name, task.runs > 0, task.failures]).toEqual([task.name, true, 0]);
});
