/** A create that finds no room names moves that make it; whoever makes them finds a place. */
import { type GantryError, isGantryError, type Operation, type PlacementDecision } from '@gantry/model';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { FakeAgent } from '../src/testing/fake-agent.ts';
import { addNode } from '../src/testing/more-nodes.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
let agents: FakeAgent[];
beforeEach(async () => {
  cluster = await testCluster();
  agents = [cluster.agent];
  for (const name of ['n2', 'n3']) agents.push(await addNode(cluster, name));
});
afterEach(() => cluster.close());

async function rounds(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await settle();
    for (const agent of agents) await agent.round();
    await settle();
  }
}
const bodyOf = (name: string, more: object = {}) => ({
  name,
  image: 'debian/12',
  vcpus: 1,
  memoryMiB: 512,
  nics: [],
  disks: [{ sizeMiB: 1024 }],
  ...more,
});
const create = (name: string, more: object = {}) =>
  cluster.call('createInstance', { body: bodyOf(name, { power: 'stopped', ...more }) });
const plan = (more: object, token = cluster.adminToken) =>
  cluster.controller.call('createInstance', { token, body: bodyOf('new', more), query: { plan: true } });
const refusalOf = (more: object, token?: string): Promise<GantryError | undefined> =>
  plan(more, token).then(
    () => undefined,
    (error: unknown) => {
      if (isGantryError(error)) return error;
      throw error;
    },
  );
const planClone = (ref: string, more: object = {}) =>
  cluster.call('cloneInstance', { params: { ref }, body: { name: 'copy', ...more }, query: { plan: true } });
const cloneRefusal = (ref: string, more?: object): Promise<GantryError | undefined> =>
  planClone(ref, more).then(
    () => undefined,
    (error: unknown) => {
      if (isGantryError(error, 'no_capacity')) return error;
      throw error;
    },
  );
const waysOf = (error: GantryError | undefined): string[] =>
  `${error?.hint}\n${error?.message}`
    .split('\n')
    .find((line) => line.startsWith('ways out: '))
    ?.slice('ways out: '.length)
    .split(' · ') ?? [];
const byMoving = (error: GantryError | undefined) => waysOf(error).filter((way) => way.startsWith('gantry'));

/** As a person would type it, until every operation has ended. */
async function follow(way: string): Promise<void> {
  const commands = way.replace(/ \(frees .*\)$/, '').split(' && ');
  for (const command of commands) {
    const words = command.split(' ');
    const flag = (name: string) => words[words.indexOf(name) + 1] ?? '';
    const stop = words.includes('--stop') ? { stop: true } : {};
    const begun = words.includes('balance')
      ? await cluster.call<Operation>('balanceCluster', { body: { group: flag('--group'), ...stop } })
      : await cluster.call<Operation>('moveInstance', {
          params: { ref: words[3] ?? '' },
          body: { node: flag('--to'), ...stop },
        });
    for (let turn = 0; turn < 60; turn++) {
      await rounds(2);
      if ((await cluster.operation(begun.spec.number)).status.state !== 'running') break;
    }
    expect((await cluster.operation(begun.spec.number)).status.state).toBe('succeeded');
  }
}

test('where evening out is enough, it is said what it frees', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name, { node: 'n1', memoryMiB: 300 });
  for (const name of ['n2', 'n3']) await create(`on-${name}`, { node: name, memoryMiB: 3000 });
  await rounds();
  const wish = { memoryMiB: 5700 };
  const error = await refusalOf(wish);
  const [way = ''] = byMoving(error);
  expect(way).toMatch(/^gantry cluster balance --group default --apply \(frees \d+ MiB on n1\)$/);
  await follow(way);
  await plan(wish);
});

test('where it is not, or guests must be stopped, the moves are named', async () => {
  const rules = { labels: { app: 'db' }, affinity: [{ policy: 'anti-affinity', label: 'app=db' }] };
  for (const name of ['n1', 'n2', 'n3'])
    await create(`on-${name}`, { node: name, memoryMiB: 3000, power: 'running', ...rules });
  for (const name of ['n1', 'n2', 'n3'])
    await create(`small-${name}`, { node: name, memoryMiB: 400, power: 'running' });
  await rounds();
  const wish = { memoryMiB: 4200 };
  const error = await refusalOf(wish);
  const [way = ''] = byMoving(error);
  expect(way).toMatch(/^gantry instance move small-n(\d) --to n\d --stop \(frees 522 MiB on n\1\)$/);
  await follow(way);
  await plan(wish);
});

test('disks alone are made room for, too', async () => {
  for (const agent of agents) {
    agent.facts = { ...agent.facts, diskMiB: 20 * 1024 };
    await agent.hello();
  }
  for (const name of ['n1', 'n2', 'n3'])
    await create(`on-${name}`, { node: name, disks: [{ sizeMiB: 6 * 1024 }] });
  await rounds();
  const wish = { disks: [{ sizeMiB: 16 * 1024 }] };
  const error = await refusalOf(wish);
  expect(error?.code).toBe('disk_too_large');
  const [way = ''] = byMoving(error);
  expect(way).toMatch(/^gantry instance move on-n(\d) --to n\d \(frees 6 GiB of disk on n\1\)$/);
  await follow(way);
  await plan(wish);
});

test('guests that cannot move, or that the caller does not see, are not named', async () => {
  for (const name of ['n1', 'n2', 'n3']) await create(`on-${name}`, { node: name, memoryMiB: 3000 });
  await rounds();
  const wish = { memoryMiB: 6000 };
  expect(byMoving(await refusalOf(wish))).toHaveLength(1);
  await cluster.call('createProject', { body: { name: 'mine' } });
  const spec = { role: 'operator', project: 'mine' };
  const { secret } = await cluster.call<{ secret: string }>('createToken', { body: { name: 'mine', spec } });
  const other = await refusalOf(wish, secret);
  expect(other?.code).toBe('no_capacity');
  expect(`${other?.message}${other?.hint}`).not.toMatch(/on-n|instance move/);
  for (const name of ['n1', 'n2', 'n3'])
    await cluster.call('lockInstance', { params: { ref: `on-${name}` }, body: { reason: 'audit' } });
  expect(byMoving(await refusalOf(wish))).toEqual([]);
});

test('what was tried in vain is kept with the decision', async () => {
  for (const name of ['n1', 'n2', 'n3']) await create(`on-${name}`, { node: name, memoryMiB: 2000 });
  await create('more', { node: 'n1', memoryMiB: 2000 });
  await rounds();
  const request = { body: bodyOf('new', { memoryMiB: 7600 }), query: { plan: true }, requestId: 'req_x' };
  await cluster.call('createInstance', request).catch(() => undefined);
  const { refused } = await cluster.call<PlacementDecision>('getPlacement', { params: { ref: 'req_x' } });
  expect(refused?.tried.filter(({ works }) => works).map(({ way }) => way)).toEqual(['--memory 5376M']);
});

test('a refused clone names them too, and nothing that it cannot say', async () => {
  const rules = { labels: { app: 'db' }, affinity: [{ policy: 'anti-affinity', label: 'app=db' }] };
  await create('source', { node: 'n1', memoryMiB: 4200 });
  await create('beside', { node: 'n1', memoryMiB: 2500, power: 'running' });
  for (const name of ['n2', 'n3']) {
    await create(`on-${name}`, { node: name, memoryMiB: 3000, power: 'running', ...rules });
    await create(`small-${name}`, { node: name, memoryMiB: 400, power: 'running' });
  }
  await rounds();
  const error = await cloneRefusal('source');
  const ways = waysOf(error);
  expect(ways).toEqual([
    expect.stringMatching(/^gantry instance move small-n(\d) --to n\d --stop \(frees 522 MiB on n\1\)$/),
  ]);
  await follow(ways[0] ?? '');
  await planClone('source');
});

test('one that is copied while it runs goes beside its source, and the source stays', async () => {
  await create('source', { node: 'n1', memoryMiB: 3500, power: 'running' });
  await create('small', { node: 'n1', memoryMiB: 1000, power: 'running' });
  await rounds();
  const crash = { running: 'crash' };
  const ways = waysOf(await cloneRefusal('source', crash));
  expect(ways).toEqual([
    expect.stringMatching(/^gantry instance move small --to n\d --stop \(frees .* on n1\)$/),
  ]);
  await follow(ways[0] ?? '');
  await planClone('source', crash);
});

test('a refused move names no other size than that which the instance has', async () => {
  await create('large', { node: 'n1', memoryMiB: 6000 });
  for (const name of ['n2', 'n3']) await create(`on-${name}`, { node: name, memoryMiB: 3000 });
  await cluster.call('setNode', { params: { ref: 'n3' }, body: { role: 'drained' } });
  await rounds();
  const move = cluster.call('moveInstance', { params: { ref: 'large' }, body: {}, query: { plan: true } });
  const error = await move.then(
    () => undefined,
    (refusal: unknown) => (isGantryError(refusal, 'no_capacity') ? refusal : undefined),
  );
  expect(error).toBeDefined();
  expect(waysOf(error)).toEqual([]);
});

test('with --node it is told where there is room without', async () => {
  await create('source', { node: 'n1' });
  await create('large', { node: 'n2', memoryMiB: 6000 });
  await create('larger', { node: 'n2', memoryMiB: 1100 });
  await rounds();
  expect(waysOf(await cloneRefusal('source', { node: 'n2' }))[0]).toBe('leave --node away');
  await planClone('source');
});

test('whatever is named, whoever follows it finds a place', { timeout: 900_000 }, async () => {
  let names = 0;
  let followed = 0;
  const guest = fc.record({
    node: fc.constantFrom('n1', 'n2', 'n3'),
    memoryMiB: fc.integer({ min: 600, max: 2000 }),
    power: fc.constantFrom('running', 'stopped'),
    labels: fc.constantFrom({}, { app: 'db' }),
    affinity: fc.constantFrom([], [], [{ policy: 'anti-affinity', label: 'app=db' }]),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(guest, { minLength: 9, maxLength: 14 }),
      fc.integer({ min: 4800, max: 6500 }),
      async (guests, memoryMiB) => {
        for (const each of guests) await create(`g${names++}`, each).catch(() => undefined);
        await rounds();
        for (const way of byMoving(await refusalOf({ memoryMiB }))) {
          await follow(way);
          await plan({ memoryMiB });
          followed++;
        }
        const [first] = (await cluster.store.list('instance')).items;
        const stop = { running: 'stop' };
        for (const way of byMoving(first && (await cloneRefusal(first.name, stop)))) {
          await follow(way);
          await planClone(first?.name ?? '', stop);
          followed++;
        }
        for (const { name, status } of (await cluster.store.list('instance')).items)
          if (status.state !== 'deleting') await cluster.call('deleteInstance', { params: { ref: name } });
        await rounds();
      },
    ),
    // in four of ten there is such a way
    { numRuns: 30 },
  );
  expect(followed).toBeGreaterThan(0);
});
