/** Users, their rights and their tokens: what they may, and what they may not make of it. */
import type { Instance, Member, Project, RouteName, Token, User, Whoami } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Request } from '../src/api/call.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

type Ask = <T = unknown>(route: RouteName, request?: Omit<Request, 'route' | 'token'>) => Promise<T>;
const as =
  (secret: string): Ask =>
  async <T>(route: RouteName, request: Omit<Request, 'route' | 'token'> = {}) =>
    (await cluster.controller.call(route, { token: secret, ...request })).body as T;
const user = (name: string, role?: string) =>
  cluster.call<User>('createUser', { body: { name, spec: role ? { role } : {} } });
const grant = (project: string, name: string, role: string) =>
  cluster.call<Member>('grantProject', { params: { ref: project, user: name }, body: { role } });
const project = (name: string) => cluster.call<Project>('createProject', { body: { name } });
const secretOf = async (spec: object, ask: Ask = cluster.call) =>
  (await ask<{ secret: string }>('createToken', { body: { spec } })).secret;
const names = async (ask: Ask, route: RouteName) =>
  (await ask<{ items: { name: string }[] }>(route)).items.map(({ name }) => name);
const body = { name: 'hello', flavor: 'small', image: 'debian/12' };
const code = (code: string, more: object = {}) => ({ code, ...more });

describe('a user', () => {
  test('is who his token says, with the roles that he has', async () => {
    await project('blue');
    await user('eve');
    await grant('blue', 'eve', 'operator');
    const eve = as(await secretOf({ user: 'eve' }));
    const told = await eve<Whoami>('whoami');
    expect(told.user?.name).toBe('eve');
    expect(told.role).toBeUndefined();
    expect(told.projects).toMatchObject([{ name: 'blue', role: 'operator' }]);
    await eve('createInstance', { body });
    expect(await names(eve, 'listInstances')).toEqual(['hello']);
    expect((await cluster.instance('hello')).project).toBe(told.projects[0]?.id);
    const { items } = await cluster.call<{ items: { actor: string }[] }>('listEvents', {
      query: { type: 'api.create-instance' },
    });
    expect(items.map(({ actor }) => actor)).toEqual(['eve']);
  });

  test('loses with a role what it gave, at once and in streams', async () => {
    await project('blue');
    await user('eve');
    await grant('blue', 'eve', 'operator');
    const secret = await secretOf({ user: 'eve' });
    const { events } = await cluster.controller.call('watch', { token: secret });
    const told: string[] = [];
    const reading = (async () => {
      for await (const { event, id } of events ?? []) told.push(`${event} ${id}`);
    })();
    await settle();
    const seen = told.at(-1)?.split(' ')[1] ?? '';
    await cluster.call('revokeProject', { params: { ref: 'blue', user: 'eve' } });
    await reading;
    expect(told).toHaveLength(1);
    await expect(as(secret)('listInstances')).rejects.toMatchObject(code('forbidden'));
    await grant('blue', 'eve', 'viewer');
    // what went out of his sight was never told as deleted: he must look anew
    await expect(as(secret)('watch', { lastEventId: seen })).rejects.toMatchObject(
      code('rights_changed', { status: 410 }),
    );
    await expect(as(secret)('createInstance', { body })).rejects.toMatchObject(code('forbidden'));
  });

  test('who is disabled is let in no more until he is enabled; his things stay', async () => {
    await user('eve', 'operator');
    const eve = as(await secretOf({ user: 'eve' }));
    await eve('createInstance', { body });
    await cluster.call('setUser', { params: { ref: 'eve' }, body: { disabled: true } });
    await expect(eve('listInstances')).rejects.toMatchObject(code('user_disabled', { status: 401 }));
    await cluster.call('setUser', { params: { ref: 'eve' }, body: { disabled: false } });
    expect(await names(eve, 'listInstances')).toEqual(['hello']);
    await cluster.call('deleteUser', { params: { ref: 'eve' } });
    await expect(eve('listInstances')).rejects.toMatchObject(code('unauthenticated'));
    expect((await cluster.instance('hello')).name).toBe('hello');
    expect((await cluster.store.list('token')).items.map(({ name }) => name)).not.toContain('eve');
  });

  test('who is in several projects says in which one things are made', async () => {
    for (const name of ['blue', 'red', 'grey']) await project(name);
    await user('eve');
    await grant('blue', 'eve', 'operator');
    await grant('red', 'eve', 'operator');
    await grant('grey', 'eve', 'viewer');
    const eve = as(await secretOf({ user: 'eve' }));
    await expect(eve('createInstance', { body })).rejects.toMatchObject({
      ...code('which_project', { status: 400 }),
      message: expect.stringContaining('blue, red'),
    });
    await eve('createInstance', { body, project: 'red' });
    await expect(eve('createInstance', { body, project: 'grey' })).rejects.toMatchObject(code('forbidden'));
    await cluster.call('revokeProject', { params: { ref: 'blue', user: 'eve' } });
    await eve('createInstance', { body: { ...body, name: 'second' } });
    expect(await names(eve, 'listInstances')).toEqual(['hello', 'second']);
  });

  test('operators and viewers of the cluster see all projects; only the first change things there', async () => {
    await project('blue');
    await user('eve', 'viewer');
    await user('bob', 'operator');
    const [eve, bob] = [as(await secretOf({ user: 'eve' })), as(await secretOf({ user: 'bob' }))];
    await bob('createInstance', { body, project: 'blue' });
    await bob('createInstance', { body: { ...body, name: 'other' } });
    expect(await names(eve, 'listInstances')).toEqual(['hello', 'other']);
    await expect(eve('startInstance', { params: { ref: 'hello' } })).rejects.toMatchObject(code('forbidden'));
    await expect(bob('createUser', { body: { name: 'x' } })).rejects.toMatchObject(code('forbidden'));
    const image = { name: 'own', spec: { source: 'os', os: { provider: 'x' } } };
    expect((await bob<{ project?: string }>('createImage', { body: image })).project).toBeDefined();
    expect(await names(eve, 'listUsers')).toEqual(['eve']);
    await expect(eve('getUser', { params: { ref: 'bob' } })).rejects.toMatchObject(code('not_found'));
  });

  test.each([
    ['a capital letter', 'Eve'],
    ['a Cyrillic е', 'еve'],
    ['a zero-width joiner', 'e\u200dve'],
    ['a right-to-left override', 'e\u202eve'],
    ['nothing', ''],
    ['a slash', 'eve/x'],
    ['a control character', 'eve\u0000'],
    ['too much', 'e'.repeat(64)],
    ['a property of all objects', '__proto__'],
  ])('whose name has %s is refused', async (_, name) => {
    await expect(user(name)).rejects.toMatchObject(code('invalid_body'));
  });

  test('of one name there is one', async () => {
    await user('eve');
    await expect(user('eve', 'admin')).rejects.toMatchObject(code('name_taken'));
    const both = await Promise.allSettled([user('bob'), user('bob')]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('members of a project', () => {
  test('are let in by its administrator, and by no one else', async () => {
    await project('blue');
    await project('red');
    for (const name of ['boss', 'eve', 'bob']) await user(name);
    await grant('blue', 'boss', 'admin');
    await grant('blue', 'bob', 'operator');
    const [boss, bob] = [as(await secretOf({ user: 'boss' })), as(await secretOf({ user: 'bob' }))];
    const params = { ref: 'blue', user: 'eve' };
    await expect(bob('grantProject', { params, body: { role: 'viewer' } })).rejects.toMatchObject(
      code('forbidden'),
    );
    await boss('grantProject', { params, body: { role: 'viewer' } });
    const { items } = await bob<{ items: Member[] }>('listMembers', { params: { ref: 'blue' } });
    expect(items.map(({ name, role }) => [name, role])).toEqual([
      ['bob', 'operator'],
      ['boss', 'admin'],
      ['eve', 'viewer'],
    ]);
    await expect(
      boss('grantProject', { params: { ref: 'red', user: 'eve' }, body: { role: 'viewer' } }),
    ).rejects.toMatchObject(code('not_found', { params: { kind: 'project', name: 'red' } }));
    expect(await boss('revokeProject', { params })).toMatchObject({ name: 'eve', role: 'viewer' });
    await expect(boss('revokeProject', { params })).rejects.toMatchObject(code('not_found'));
    await expect(
      boss('grantProject', { params: { ref: 'blue', user: 'none' }, body: { role: 'viewer' } }),
    ).rejects.toMatchObject(code('not_found'));
  });

  test('lose their roles with the project; two who grant at once both count', async () => {
    await project('blue');
    await user('eve');
    await user('bob');
    await Promise.all([grant('blue', 'eve', 'viewer'), grant('blue', 'bob', 'viewer')]);
    const { items } = await cluster.call<{ items: Member[] }>('listMembers', { params: { ref: 'blue' } });
    expect(items).toHaveLength(2);
    const both = await Promise.allSettled([
      cluster.call('deleteProject', { params: { ref: 'blue' } }),
      grant('blue', 'eve', 'admin'),
    ]);
    expect(both[0]?.status).toBe('fulfilled');
    for (const { spec } of (await cluster.store.list('user')).items) expect(spec.projects ?? {}).toEqual({});
  });
});

describe('a token', () => {
  test('has at most what its user has, now and later', async () => {
    await user('eve', 'operator');
    await expect(secretOf({ user: 'eve', role: 'admin' })).rejects.toMatchObject(code('forbidden'));
    const eve = as(await secretOf({ user: 'eve' }));
    expect((await eve<Whoami>('whoami')).role).toBe('operator');
    await cluster.call('setUser', { params: { ref: 'eve' }, body: { role: 'admin' } });
    expect((await eve<Whoami>('whoami')).role).toBe('operator');
    await cluster.call('setUser', { params: { ref: 'eve' }, body: { role: 'viewer' } });
    expect((await eve<Whoami>('whoami')).role).toBe('viewer');
    await cluster.call('setUser', { params: { ref: 'eve' }, body: { role: null } });
    await expect(eve('whoami')).rejects.toMatchObject(code('forbidden'));
  });

  test('makes no other one that could do more, for someone else, elsewhere or for longer', async () => {
    await project('blue');
    await project('red');
    await user('eve', 'operator');
    await user('bob', 'viewer');
    await grant('blue', 'eve', 'admin');
    const expiresAt = new Date(cluster.env.clock.now() + 3_600_000).toISOString();
    const viewer = as(await secretOf({ user: 'eve', role: 'viewer' }));
    const blue = as(await secretOf({ user: 'eve', role: 'operator', project: 'blue' }));
    const short = as(await secretOf({ user: 'eve', expiresAt }));
    const eve = as(await secretOf({ user: 'eve' }));
    for (const [ask, spec] of [
      [eve, { role: 'admin', project: 'red' }],
      [eve, { role: 'agent', node: 'n1' }],
      [viewer, { role: 'operator' }],
      [blue, { role: 'admin' }],
      [short, {}],
      [short, { expiresAt: new Date(cluster.env.clock.now() + 3_600_001).toISOString() }],
    ] as const)
      await expect(secretOf(spec, ask), JSON.stringify(spec)).rejects.toMatchObject(code('forbidden'));
    for (const [ask, spec] of [
      [eve, { user: 'bob' }],
      [eve, { user: 'admin', role: 'viewer' }],
      [blue, { project: 'red' }],
    ] as const)
      await expect(secretOf(spec, ask), JSON.stringify(spec)).rejects.toMatchObject(code('not_found'));
    expect(
      (await as(await secretOf({ role: 'admin', project: 'blue' }, eve))<Whoami>('whoami')).role,
    ).toBeUndefined();
    // what is made with a token of one project is of that project
    expect((await as(await secretOf({}, blue))<Whoami>('whoami')).projects).toMatchObject([
      { name: 'blue', role: 'operator' },
    ]);
    await secretOf({ expiresAt }, short);
  });

  test('is listed to its user alone; names are his own', async () => {
    await user('eve', 'viewer');
    await user('bob', 'viewer');
    const [eve, bob] = [as(await secretOf({ user: 'eve' })), as(await secretOf({ user: 'bob' }))];
    for (const ask of [eve, bob]) await ask('createToken', { body: { name: 'ci', spec: {} } });
    await expect(eve('createToken', { body: { name: 'ci', spec: {} } })).rejects.toMatchObject(
      code('name_taken'),
    );
    expect(await names(eve, 'listTokens')).toHaveLength(2);
    await expect(cluster.call('deleteToken', { params: { ref: 'ci' } })).rejects.toMatchObject({
      ...code('ambiguous'),
      message: expect.stringMatching(/ci of user (eve|bob) \(/),
    });
    const [mine] = (await bob<{ items: Token[] }>('listTokens')).items.filter(({ name }) => name === 'ci');
    await expect(eve('revokeToken', { params: { ref: mine?.id ?? '' } })).rejects.toMatchObject(
      code('not_found'),
    );
    await eve('deleteToken', { params: { ref: 'ci' } });
    expect(await names(bob, 'listTokens')).toHaveLength(2);
  });

  test('ends itself and weaker ones, never a stronger one', async () => {
    await user('eve', 'operator');
    const make = (name: string, role: string, ask: Ask = cluster.call) =>
      ask<{ secret: string }>('createToken', {
        body: { name, spec: { role, ...(ask === cluster.call ? { user: 'eve' } : {}) } },
      });
    const strong = as((await make('strong', 'operator')).secret);
    const weak = as((await make('weak', 'viewer')).secret);
    await expect(weak('revokeToken', { params: { ref: 'strong' } })).rejects.toMatchObject(code('forbidden'));
    await expect(weak('deleteToken', { params: { ref: 'strong' } })).rejects.toMatchObject(code('forbidden'));
    await make('other', 'viewer', strong);
    await strong('revokeToken', { params: { ref: 'other' } });
    await weak('revokeToken', { params: { ref: 'weak' } });
    await expect(weak('whoami')).rejects.toMatchObject(code('token_revoked'));
  });

  test.each([
    ['cut off', (secret: string) => secret.slice(0, -1)],
    ['longer', (secret: string) => `${secret}A`],
    ['in other case', (secret: string) => secret.toUpperCase()],
    ['a hash', (secret: string) => Buffer.from(secret).toString('hex')],
    ['its id', () => ''],
    ['very long', () => 'gantry_'.repeat(100_000)],
    ['with SQL', () => "' or 1=1 --"],
  ])('that is %s is not known', async (_, changed) => {
    const secret = await secretOf({ user: 'admin' });
    const id = (await cluster.store.list('token')).items[0]?.id ?? '';
    await expect(as(changed(secret) || id)('whoami')).rejects.toMatchObject(code('unauthenticated'));
  });
});

describe('the last administrator', () => {
  const admin = { params: { ref: 'admin' } };

  test.each([
    ['disabled', 'setUser', { ...admin, body: { disabled: true } }],
    ['made a viewer', 'setUser', { ...admin, body: { role: 'viewer' } }],
    ['without role', 'setUser', { ...admin, body: { role: null } }],
    ['deleted', 'deleteUser', admin],
    ['without token, revoked', 'revokeToken', admin],
    ['without token, deleted', 'deleteToken', admin],
  ] as const)('cannot be %s, until another one has a token', async (_, route, request) => {
    await expect(cluster.call(route, request)).rejects.toMatchObject(code('last_admin', { status: 409 }));
    await user('eve', 'admin');
    await expect(cluster.call(route, request)).rejects.toMatchObject({
      ...code('last_admin'),
      ...(route === 'setUser' || route === 'deleteUser'
        ? { message: expect.stringContaining('eve has no valid token') }
        : {}),
    });
    const eve = as(await secretOf({ user: 'eve' }));
    await eve(route, request);
    expect((await eve<Whoami>('whoami')).role).toBe('admin');
  });

  test('two who disable each other: one of them stays', async () => {
    await user('eve', 'admin');
    const eve = as(await secretOf({ user: 'eve' }));
    const both = await Promise.allSettled([
      eve('setUser', { ...admin, body: { disabled: true } }),
      cluster.call('setUser', { params: { ref: 'eve' }, body: { disabled: true } }),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const left = (await cluster.store.list('user')).items.filter(({ spec }) => !spec.disabled);
    expect(left).toHaveLength(1);
  });
});

test('a token of the first versions, without user, has what it says', async () => {
  const { newObject } = await import('../src/objects.ts');
  const { hashSecret } = await import('../src/api/caller.ts');
  const { Draft } = await import('../src/store/batch.ts');
  const [first] = await cluster.store.named('project', 'default');
  const token = newObject(cluster.env, 'token', {
    name: 'old',
    spec: { role: 'operator', project: first?.id as never },
    status: {},
  });
  const draft = new Draft(cluster.env.clock.now()).add(token);
  draft.batch.secrets.push({ token: token.id, hash: hashSecret('old-secret') });
  await cluster.store.commit(draft.batch);
  const old = as('old-secret');
  await old('createInstance', { body });
  expect((await old<Instance>('getInstance', { params: { ref: 'hello' } })).project).toBe(first?.id);
  await expect(secretOf({}, old)).rejects.toMatchObject(code('invalid_argument'));
  await expect(secretOf({ role: 'operator' }, old)).rejects.toMatchObject(code('forbidden'));
});
