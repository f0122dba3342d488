/** NICs that come and go: claims taken at once, given back when the node has seen the NIC gone; what is refused. */
import type { Guest, Instance, Operation, StatusReport } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
const guests = new Map<string, Guest>();
let keeps: boolean;

beforeEach(async () => {
  cluster = await testCluster();
  keeps = false;
  cluster.agent.alter = plugging;
  await cluster.call('createInstance', { body: { name: 'web', flavor: 'small', image: 'debian/12' } });
  await converge();
});
afterEach(() => cluster.close());

/** A node that does what it is told; a guest may keep what it has. */
function plugging(report: StatusReport): StatusReport {
  const spec = report.kind === 'guest' ? guests.get(report.id)?.spec : undefined;
  if (report.kind !== 'guest' || !spec?.plug || report.status.state !== 'running') return report;
  const gone = spec.plug.do === 'detach' && !keeps ? spec.plug.mac : undefined;
  const nics = spec.input.nics.map(({ mac }) => mac).filter((mac) => mac !== gone);
  const updated = spec.plug.do === 'update' ? { updated: true } : {};
  return { ...report, status: { ...report.status, devices: { disks: [], nics, ...updated } } };
}
const converge = async () => {
  for (let turn = 0; turn < 4; turn++) {
    for (const guest of (await cluster.store.list('guest')).items) guests.set(guest.id, guest);
    await cluster.converge();
  }
};
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );
const attach = (body: object) =>
  cluster.call<Operation>('attachNic', { params: { ref: 'web' }, body: { network: 'default', ...body } });
const detach = (nic: string, query: Record<string, unknown> = {}) =>
  cluster.call<Operation>('detachNic', { params: { ref: 'web', nic }, query });
const set = (nic: string, body: object) =>
  cluster.call<Operation>('setNic', { params: { ref: 'web', nic }, body });
const nics = async () => (await cluster.call<Instance>('getInstance', { params: { ref: 'web' } })).spec.nics;
const stateOf = async ({ spec }: Operation) => (await cluster.operation(spec.number)).status.state;
const claimed = async () => {
  const { items } = await cluster.store.list('network');
  const claims = await cluster.store.claims(`ipv4:${items[0]?.id}`);
  return claims.map(({ value }) => value).toSorted();
};

test('an address is taken with the NIC and free again when the guest no longer has it', async () => {
  const before = await claimed();
  const operation = await attach({ address: '10.9.8.13' });
  expect(await claimed()).toContain('10.9.8.13');
  await converge();
  expect(await stateOf(operation)).toBe('succeeded');
  expect(await nics()).toMatchObject([{ slot: 0 }, { slot: 1, ipv4: '10.9.8.13' }]);
  await detach('1');
  expect(await claimed()).toContain('10.9.8.13');
  await converge();
  expect(await claimed()).toEqual(before);
  expect(await nics()).toHaveLength(1);
});

test('places stay: the second NIC is the second one when the first is gone', async () => {
  await attach({});
  await converge();
  const [, second] = await nics();
  await detach('0');
  await converge();
  expect(await nics()).toMatchObject([{ slot: 1, mac: second?.mac }]);
});

test('a guest that keeps its NIC keeps the address', async () => {
  await attach({ address: '10.9.8.13' });
  await converge();
  keeps = true;
  const operation = await detach('1', { deadlineMs: 1000 });
  await converge();
  await cluster.env.pass(2000);
  await converge();
  expect(await stateOf(operation)).toBe('failed');
  expect(await claimed()).toContain('10.9.8.13');
  expect(await nics()).toHaveLength(2);
});

test('another address: the new one at once, the old one free when the node has it', async () => {
  const [first] = await nics();
  const operation = await set('0', { address: '10.9.8.13', link: 'down' });
  expect(await claimed()).toEqual([first?.ipv4, '10.9.8.13'].toSorted());
  await converge();
  expect(await stateOf(operation)).toBe('succeeded');
  expect(await claimed()).toEqual(['10.9.8.13']);
  expect(await nics()).toMatchObject([{ ipv4: '10.9.8.13', link: 'down' }]);
});

describe('what is refused', () => {
  const cases: [string, () => Promise<unknown>, string][] = [
    ['a network that is not there', () => attach({ network: 'nowhere' }), 'not_found'],
    ['an address outside', () => attach({ address: '10.1.1.1' }), 'address_outside'],
    [
      'an address that somebody has',
      async () => attach({ address: (await nics())[0]?.ipv4 }),
      'address_taken',
    ],
    ['a MAC that somebody has', async () => attach({ mac: (await nics())[0]?.mac }), 'name_taken'],
    ['a link that is none', () => attach({ link: 'sideways' }), 'invalid_body'],
    ['a NIC that it has not', () => detach('7'), 'not_found'],
    ['no place', () => detach('first'), 'invalid_argument'],
    ['a field nobody knows', () => set('0', { speed: 1 }), 'unknown_field'],
  ];
  test.each(cases)('%s', async (_, ask, code) => {
    expect(await codeOf(ask())).toBe(code);
  });
});
