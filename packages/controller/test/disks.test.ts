/** Disks of their own, and as devices: what is refused, what is written, what a guest that does not let go leaves. */
import { type Disk, err, type Guest, type Operation, type StatusReport, toProblem } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
/** Disks that QEMU has open, as the node would find them. */
let open: Set<string>;
let refuses: boolean;

beforeEach(async () => {
  cluster = await testCluster();
  open = new Set();
  refuses = false;
  cluster.agent.alter = plugging;
  for (const name of ['web', 'db'])
    await cluster.call('createInstance', { body: { name, flavor: 'small', image: 'debian/12' } });
  await cluster.call('createDisk', { body: { name: 'data', sizeMiB: 64 } });
  await cluster.converge();
});
afterEach(() => cluster.close());

/** A node that does what it is told, unless the guest refuses. */
function plugging(report: StatusReport): StatusReport {
  if (report.kind === 'replica' && report.status.state === 'ready')
    return { ...report, status: { ...report.status, sizeBytes: wantedSize(report.id) } };
  const plug = report.kind === 'guest' ? guests.get(report.id)?.spec.plug : undefined;
  if (report.kind !== 'guest' || !plug?.disk || report.status.state !== 'running') return report;
  if (plug.do === 'attach') open.add(plug.disk);
  if (plug.do === 'detach' && !refuses) open.delete(plug.disk);
  const devices = { disks: [...open] as never, ...(plug.do === 'update' ? { updated: true } : {}) };
  const plugError = refuses && plug.do === 'detach' ? { plugError: refusal } : {};
  return { ...report, status: { ...report.status, devices, ...plugError } };
}
const refusal = toProblem(err('device_refused', { name: 'web', device: 'disk vdb' }));
const guests = new Map<string, Guest>();
const sizes = new Map<string, number>();
const wantedSize = (replica: string) => sizes.get(replica) ?? 64 * 2 ** 20;
const converge = async () => {
  for (let turn = 0; turn < 4; turn++) {
    for (const guest of (await cluster.store.list('guest')).items) guests.set(guest.id, guest);
    for (const { id, spec } of (await cluster.store.list('replica')).items)
      if (spec.what === 'disk') sizes.set(id, spec.sizeBytes);
    await cluster.converge();
  }
};

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );
const attach = (ref: string, body: object = {}) =>
  cluster.call<Operation>('attachDisk', { params: { ref }, body: { disk: 'data', ...body } });
const detach = (ref: string, disk = 'data') =>
  cluster.call<Operation>('detachDisk', { params: { ref, disk } });
const data = () => cluster.call<Disk>('getDisk', { params: { ref: 'data' } });
const guestOf = async (name: string) =>
  (await cluster.store.list('guest', { owner: (await cluster.instance(name)).id })).items[0];
const stateOf = async ({ spec }: Operation) => (await cluster.operation(spec.number)).status;

describe('attach and detach', () => {
  test.each([
    ['a guest that runs has it', plugging, undefined],
    [
      'one that ended meanwhile has it at its next start, and that is said',
      (report: StatusReport): StatusReport =>
        report.kind === 'guest' && report.status.state === 'running'
          ? { ...report, status: { ...report.status, state: 'crashed', endedBy: 'crash' } }
          : plugging(report),
      'its next start has it',
    ],
  ])('%s', async (_, alter, detail) => {
    cluster.agent.alter = alter;
    const operation = await attach('web');
    await converge();
    const { state, steps } = await stateOf(operation);
    expect([state, steps.at(-1)?.detail]).toEqual(['succeeded', detail]);
    expect((await guestOf('web'))?.spec.input.disks).toHaveLength(2);
  });

  test('gives bytes on the node of the instance, and its guest the device; back again the bytes stay', async () => {
    expect((await data()).status.state).toBe('unplaced');
    const operation = await attach('web', { cache: 'none', limits: { readIops: 100 } });
    await converge();
    expect((await stateOf(operation)).state).toBe('succeeded');
    const disk = await data();
    expect(disk).toMatchObject({ spec: { index: 1, device: { cache: 'none' } }, status: { state: 'ready' } });
    expect((await guestOf('web'))?.spec.plug).toBeUndefined();
    expect((await guestOf('web'))?.spec.input.disks).toHaveLength(2);
    const back = await detach('web', '1');
    await converge();
    expect((await stateOf(back)).state).toBe('succeeded');
    expect(await data()).toMatchObject({ status: { state: 'ready' } });
    expect((await data()).spec).not.toHaveProperty('instance');
    expect((await cluster.instance('web')).spec.disks).toHaveLength(1);
    expect(await codeOf(attach('db'))).toBe('done');
  });

  test('of two who want it at once one gets it', async () => {
    const ends = await Promise.all([codeOf(attach('web')), codeOf(attach('db'))]);
    expect(ends.toSorted()).toEqual(['disk_attached', 'done']);
  });

  test('a guest that refuses keeps it, in everything that is said; later it may be asked again', async () => {
    await attach('web');
    await converge();
    refuses = true;
    const refused = await detach('web');
    await converge();
    expect(await stateOf(refused)).toMatchObject({ state: 'failed', error: { code: 'device_refused' } });
    expect((await data()).spec.instance).toBe((await cluster.instance('web')).id);
    expect((await guestOf('web'))?.spec.input.disks).toHaveLength(2);
    refuses = false;
    const again = await detach('web');
    await converge();
    expect((await stateOf(again)).state).toBe('succeeded');
  });

  test('one that was made with its instance gets a name of its own', async () => {
    await cluster.call('stopInstance', { params: { ref: 'web' }, body: { force: true } });
    await converge();
    await detach('web', '0');
    await converge();
    const [disk] = (await cluster.store.list('disk')).items.filter(({ name }) => name.startsWith('disk-'));
    expect(disk?.spec).toMatchObject({ ownedByInstance: false });
  });

  test('what is attached stays when the instance goes', async () => {
    await attach('web');
    await converge();
    await cluster.call('deleteInstance', { params: { ref: 'web' } });
    await converge();
    expect(await data()).toMatchObject({ status: { state: 'ready' } });
    expect(await codeOf(cluster.call('deleteDisk', { params: { ref: 'data' } }))).toBe('done');
    await converge();
    expect(await codeOf(data())).toBe('not_found');
  });
});

test('limits reach the running guest now, the cache mode at its next start', async () => {
  await attach('web');
  await converge();
  const params = { ref: 'web', disk: '1' };
  const body = { limits: { writeIops: 1000 }, cache: 'writethrough' };
  const operation = await cluster.call<Operation>('setDisk', { params, body });
  await converge();
  const { state, result } = await stateOf(operation);
  expect(state).toBe('succeeded');
  expect(result?.['changes']).toMatchObject([
    { setting: 'cache', applies: 'next-start' },
    { setting: 'limits.writeIops', applies: 'now' },
  ]);
  const entry = (await guestOf('web'))?.spec.input.disks[1];
  expect(entry?.device).toEqual({ limits: { writeIops: 1000 } });
});

test('a disk grows, and never shrinks', async () => {
  await attach('web');
  await converge();
  const grow = (body: object) => cluster.call<Operation>('growDisk', { params: { ref: 'web:1' }, body });
  const operation = await grow({ byBytes: 2 ** 20 });
  expect(await codeOf(grow({ byBytes: 2 ** 20 }))).toBe('busy');
  await converge();
  expect((await stateOf(operation)).state).toBe('succeeded');
  expect((await data()).spec.sizeBytes).toBe(65 * 2 ** 20);
  expect(await codeOf(grow({ sizeBytes: 2 ** 20 }))).toBe('invalid_argument');
});

describe('what is refused', () => {
  const cases: [string, () => Promise<unknown>, string][] = [
    ['a disk that is not there', () => attach('web', { disk: 'nothing' }), 'not_found'],
    ['a bus that is none', () => attach('web', { bus: 'ide' }), 'invalid_body'],
    ['a cache mode that is none', () => attach('web', { cache: 'fast' }), 'invalid_body'],
    ['no limit', () => attach('web', { limits: { readIops: 0 } }), 'invalid_body'],
    [
      'limits of a whole and of a part',
      () => attach('web', { limits: { totalIops: 1, readIops: 1 } }),
      'invalid_argument',
    ],
    ['a field nobody knows', () => attach('web', { speed: 1 }), 'unknown_field'],
    ['to detach what it has not', () => detach('web', 'data'), 'not_found'],
    ['to detach what it boots from', () => detach('web', '0'), 'stop_first'],
    [
      'a name that is taken',
      () => cluster.call('createDisk', { body: { name: 'data', sizeMiB: 1 } }),
      'name_taken',
    ],
    [
      'a size of nothing',
      () => cluster.call('createDisk', { body: { name: 'none', sizeMiB: 0 } }),
      'invalid_body',
    ],
    [
      'to grow what has no bytes',
      () => cluster.call('growDisk', { params: { ref: 'data' }, body: { byBytes: 512 } }),
      'wrong_state',
    ],
    [
      'to delete what an instance has',
      () => cluster.call('deleteDisk', { params: { ref: 'web:0' } }),
      'disk_attached',
    ],
  ];
  test.each(cases)('%s', async (_, ask, code) => {
    expect(await codeOf(ask())).toBe(code);
  });
});
