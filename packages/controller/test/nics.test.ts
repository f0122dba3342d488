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

describe('what it may send from', () => {
  const trust = async () => {
    await converge();
    const [nic] = await nics();
    const [guest] = (await cluster.store.list('guest')).items;
    const { filter, allow } = nic ?? {};
    return { filter, allow, ordered: guest?.spec.input.nics[0]?.allow };
  };

  test('grows and shrinks one by one, and the rest stays', async () => {
    await set('0', { allow: ['10.9.0.0/16', '52:54:00:00:00:09'] });
    expect((await trust()).allow).toEqual(['10.9.0.0/16', '52:54:00:00:00:09']);
    await set('0', { allow: ['fd00::5', '10.9.0.0/16'], disallow: ['52:54:00:00:00:09'] });
    expect(await trust()).toEqual({
      filter: undefined,
      allow: ['10.9.0.0/16', 'fd00::5'],
      ordered: ['10.9.0.0/16', 'fd00::5'],
    });
    await set('0', { disallow: ['10.9.0.0/16', 'fd00::5'] });
    expect(await trust()).toEqual({ filter: undefined, allow: undefined, ordered: undefined });
  });
  test('off and on again', async () => {
    await set('0', { filter: 'off' });
    expect((await trust()).filter).toBe('off');
    await set('0', { filter: 'on' });
    expect((await trust()).filter).toBeUndefined();
  });
  test('no more than a NIC may be made with', async () => {
    const allow = Array.from({ length: 64 }, (_, last) => `10.9.0.${last}`);
    await set('0', { allow });
    await converge();
    expect(await codeOf(set('0', { allow: ['10.9.1.1'] }))).toBe('invalid_argument');
  });
});

describe('another model', () => {
  const ordered = async () => {
    const [guest] = (await cluster.store.list('guest')).items;
    return [guest?.spec.input.nics[0]?.model, guest?.spec.plug?.replug];
  };

  test('waits for the next start of a guest that runs, whatever else is set meanwhile', async () => {
    await set('0', { model: 'e1000' });
    expect(await ordered()).toEqual([undefined, undefined]);
    await converge();
    await set('0', { link: 'down' });
    expect(await ordered()).toEqual([undefined, undefined]);
    await converge();
    expect((await nics())[0]?.model).toBe('e1000');
    await cluster.call('stopInstance', { params: { ref: 'web' }, body: {} });
    await converge();
    await cluster.call('startInstance', { params: { ref: 'web' }, body: {} });
    expect((await ordered())[0]).toBe('e1000');
  });
  test('at once, by plugging it in again; and back to what the image says', async () => {
    await set('0', { model: 'e1000', replug: true });
    expect(await ordered()).toEqual(['e1000', true]);
    await converge();
    const back = await set('0', { model: null, replug: true });
    expect(await ordered()).toEqual([undefined, true]);
    await converge();
    expect(await stateOf(back)).toBe('succeeded');
    expect((await nics())[0]).not.toHaveProperty('model');
  });
  test('of a guest that does not give up the old one stays what it was', async () => {
    const plugError = (code: string) => ({ type: 't', code, title: 'kept', status: 409 });
    let code = 'device_kept';
    cluster.agent.alter = (report) => {
      const plug = report.kind === 'guest' && guests.get(report.id)?.spec.plug;
      if (report.kind !== 'guest' || !plug) return report;
      return { ...report, status: { ...report.status, plugError: plugError(code) } };
    };
    const operation = await set('0', { model: 'e1000', replug: true });
    await converge();
    expect(await stateOf(operation)).toBe('running');
    code = 'device_refused';
    await converge();
    expect(await stateOf(operation)).toBe('failed');
    expect((await nics())[0]).not.toHaveProperty('model');
    expect(await ordered()).toEqual([undefined, undefined]);
  });
});

describe('addresses that it gets later', () => {
  const probes = async () => (await cluster.store.list('guest')).items.map(({ spec }) => spec.plug?.probe);

  test('are to be asked for, the new ones only, unless declined', async () => {
    const operation = await attach({ address: '10.9.8.13' });
    expect(await probes()).toEqual([['10.9.8.13']]);
    await converge();
    expect(await stateOf(operation)).toBe('succeeded');
    await set('1', { link: 'down' });
    expect(await probes()).toEqual([undefined]);
    await converge();
    await set('1', { address: '10.9.8.14', addressCheck: false });
    expect(await probes()).toEqual([undefined]);
    await converge();
    await set('1', { address: '10.9.8.15' });
    expect(await probes()).toEqual([['10.9.8.15']]);
  });
  test.each(['running', 'stopped'])('that another has come back as they were (%s)', async (state) => {
    if (state === 'stopped') {
      await cluster.call('stopInstance', { params: { ref: 'web' }, body: {} });
      await converge();
    }
    const before = await nics();
    const plugError = { type: 't', code: 'address_answered', title: 'taken', status: 409 };
    cluster.agent.alter = (report) => {
      const spec = report.kind === 'guest' ? guests.get(report.id)?.spec : undefined;
      if (report.kind !== 'guest' || !spec?.plug?.probe) return plugging(report);
      const { probed: _, ...status } = report.status;
      return { ...report, status: { ...status, plugError } };
    };
    for (const ask of [() => attach({ address: '10.9.8.13' }), () => set('0', { address: '10.9.8.13' })]) {
      const operation = await ask();
      await converge();
      expect(await stateOf(operation)).toBe('failed');
      expect((await cluster.operation(operation.spec.number)).status.error?.code).toBe('address_answered');
      expect(await claimed()).not.toContain('10.9.8.13');
      expect((await nics()).map(({ ipv4 }) => ipv4)).toEqual(before.map(({ ipv4 }) => ipv4));
    }
  });
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
    ['a source that is none', () => set('0', { allow: ['10.0.0.300'] }), 'invalid_body'],
    ['a source that it was not allowed', () => set('0', { disallow: ['10.0.0.3'] }), 'invalid_argument'],
    ['a model that is none', () => set('0', { model: 'tulip' }), 'invalid_body'],
    ['a filter that is none', () => set('0', { filter: 'maybe' }), 'invalid_body'],
    ['a link that is none', () => attach({ link: 'sideways' }), 'invalid_body'],
    ['a NIC that it has not', () => detach('7'), 'not_found'],
    ['no place', () => detach('first'), 'invalid_argument'],
    ['a field nobody knows', () => set('0', { speed: 1 }), 'unknown_field'],
  ];
  test.each(cases)('%s', async (_, ask, code) => {
    expect(await codeOf(ask())).toBe(code);
  });
});

test('what only a NIC that is there can do is refused for one that is attached', async () => {
  await expect(attach({ replug: true })).rejects.toMatchObject({ code: 'unknown_field' });
  await expect(attach({ model: null })).rejects.toMatchObject({ code: 'invalid_body' });
});
