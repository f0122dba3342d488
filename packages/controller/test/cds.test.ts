/** CD drives, boot orders and starts from elsewhere: what is refused, what is written, what a locked tray leaves. */
import {
  err,
  type Guest,
  type Image,
  type Instance,
  type Operation,
  type StatusReport,
  toProblem,
} from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
const guests = new Map<string, Guest>();
let locked: boolean;
let deaf: boolean;

beforeEach(async () => {
  cluster = await testCluster();
  locked = false;
  deaf = false;
  guests.clear();
  for (const name of ['setup', 'drivers']) await addIso(name);
  cluster.agent.alter = obeying;
  const size = { vcpus: 1, memoryMiB: 64, disks: [{ sizeMiB: 64 }] };
  await cluster.call('createInstance', { body: { name: 'web', image: 'setup', ...size } });
  await converge();
});
afterEach(() => cluster.close());

async function addIso(name: string): Promise<void> {
  await cluster.call<Image>('createImage', { body: { name, spec: { source: 'file', format: 'iso' } } });
  await cluster.call('putImageContent', { params: { ref: name }, bytes: once(isoBytes(name)) });
}

/** The sequence that UDF begins with. */
function isoBytes(content: string): Buffer {
  const image = Buffer.alloc(64 * 2048);
  for (const [index, id] of ['BEA01', 'NSR03', 'TEA01'].entries())
    image.write(`\u0000${id}\u0001`, (16 + index) * 2048, 'latin1');
  image.write(content, 60 * 2048);
  return image;
}
async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A node that does what it is told; a guest may have locked its tray. */
function obeying(report: StatusReport): StatusReport {
  const spec = report.kind === 'guest' ? guests.get(report.id)?.spec : undefined;
  if (report.kind !== 'guest' || !spec || report.status.state !== 'running') return report;
  const bootedOnce = spec.bootOnce && !deaf ? { bootedOnce: spec.bootOnce.operation } : {};
  const status = { ...report.status, ...bootedOnce };
  const { plug } = spec;
  if (!plug) return { ...report, status };
  const all = spec.input.cds?.map(({ slot }) => slot) ?? [];
  const cds = all.filter((slot) => plug.do !== 'detach' || slot !== plug.cd);
  const kept = locked && !plug.force;
  const updated = plug.do === 'update' && !kept ? { updated: true } : {};
  const refusal = toProblem(err('tray_locked', { name: 'web', cd: 0, device: 'sdaa' }));
  return {
    ...report,
    status: { ...status, devices: { disks: [], cds, ...updated }, ...(kept ? { plugError: refusal } : {}) },
  };
}

const converge = async () => {
  for (let turn = 0; turn < 4; turn++) {
    for (const guest of (await cluster.store.list('guest')).items) guests.set(guest.id, guest);
    await cluster.converge();
  }
};
const params = { ref: 'web', cd: '0' };
const web = () => cluster.call<Instance>('getInstance', { params: { ref: 'web' } });
const bound = async () => (await cluster.store.list('guest', { owner: (await web()).id })).items[0];
const idOf = async (name: string) => (await cluster.call<Image>('getImage', { params: { ref: name } })).id;
const attach = (body: object = {}) => cluster.call<Operation>('attachCd', { params: { ref: 'web' }, body });
const insert = (body: object) => cluster.call<Operation>('insertCd', { params, body });
const eject = (query: Record<string, unknown> = {}) => cluster.call<Operation>('ejectCd', { params, query });
const statusOf = async ({ spec }: Operation) => (await cluster.operation(spec.number)).status;
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
  );

test('an instance from an ISO image has an empty disk and the CD in its drive', async () => {
  expect((await web()).spec.cds).toEqual([{ slot: 0, image: await idOf('setup') }]);
  const { items } = await cluster.store.list('disk');
  expect(items.map(({ spec }) => spec.source)).toEqual([{ kind: 'blank' }]);
  expect((await bound())?.spec.input).toMatchObject({
    cds: [{ slot: 0, media: { image: await idOf('setup') } }],
    cloudInit: false,
  });
  const { items: replicas } = await cluster.store.list('replica', { owner: await idOf('setup') });
  expect(replicas).toMatchObject([{ spec: { what: 'base', format: 'iso' } }]);
});

describe('is refused, and nothing is written', () => {
  const detach = (cd: string) => cluster.call('detachCd', { params: { ref: 'web', cd } });
  const set = (bootOrder: string[]) =>
    cluster.call('setInstance', { params: { ref: 'web' }, body: { bootOrder } });
  const start = (
    route: 'startInstance' | 'rebootInstance' | 'stopInstance' | 'resetInstance',
    bootOnce: unknown,
  ) => cluster.call(route, { params: { ref: 'web' }, body: { bootOnce } });
  const create = (body: object) =>
    cluster.call('createInstance', {
      body: { name: 'db', vcpus: 1, memoryMiB: 64, disks: [{ sizeMiB: 64 }], ...body },
    });

  test.each<[string, () => Promise<unknown>, string | RegExp]>([
    ['a CD where one lies', () => insert({ image: 'drivers' }), /cd_occupied: .*holds setup/],
    ['what is no ISO image', () => attach({ image: 'debian/12' }), /invalid_argument: .*debian\/12/],
    ['an image that is not there', () => attach({ image: 'none' }), 'not_found'],
    ['a bus that has no drives', () => attach({ bus: 'virtio' }), 'invalid'],
    ['a drive that is not there', () => detach('3'), 'not_found'],
    ['a place that is none', () => detach('first'), /invalid_argument: .*first/],
    ['a device that it has not', () => set(['disk7']), /invalid_argument: .*disk0, cd0/],
    ['a word that is none', () => set(['floppy']), 'invalid'],
    ['a device twice', () => set(['cd', 'cd']), 'invalid'],
    ['an empty order', () => set([]), 'invalid'],
    [
      'booting once from what it has not',
      () => start('rebootInstance', ['nic3']),
      /invalid_argument: .*nic3/,
    ],
    [
      'stopping with words for a start',
      () => start('stopInstance', ['cd']),
      /invalid_argument: .*start and reboot/,
    ],
    ['resetting with them', () => start('resetInstance', ['cd']), /invalid_argument/],
    ['five drives', () => create({ cds: [{}, {}, {}, {}, {}] }), 'invalid'],
    [
      'four beside the one of its ISO image',
      () => create({ image: 'setup', cds: [{}, {}, {}, {}] }),
      'invalid_argument',
    ],
    [
      'an order beside a kernel of the node',
      () => create({ boot: { kernel: 'node' }, bootOrder: ['cd'] }),
      'invalid_argument',
    ],
    [
      'reinstalling from a CD',
      () =>
        cluster.call('reinstallInstance', { params: { ref: 'web' }, body: { image: 'setup', stop: true } }),
      /invalid_argument: .*cd insert web/,
    ],
    [
      'deleting an image that lies in a drive',
      () => cluster.call('deleteImage', { params: { ref: 'setup' } }),
      /in_use: .*web/,
    ],
  ])('%s', async (_, work, why) => {
    const before = await cluster.store.revision();
    expect(await refusal(work())).toMatch(why);
    expect(await cluster.store.revision()).toBe(before);
  });

  test('booting from an empty drive', async () => {
    await eject();
    await converge();
    expect(await refusal(start('rebootInstance', ['cd']))).toMatch(/invalid_argument: .*cd insert web/);
  });

  test('a node whose agent is older than CD drives', async () => {
    cluster.agent.capabilities = cluster.agent.capabilities.filter((one) => one !== 'guest:cds');
    await cluster.agent.hello();
    await converge();
    expect(await refusal(attach())).toMatch(/not_supported: .*n1/);
  });
});

describe('media', () => {
  test('ejected and inserted: the drive stays, and what is so already is done', async () => {
    const out = await eject();
    await converge();
    expect((await statusOf(out)).state).toBe('succeeded');
    expect((await web()).spec.cds).toEqual([{ slot: 0 }]);
    for (const turn of [1, 2]) {
      const into = await insert({ image: 'drivers' });
      await converge();
      expect((await statusOf(into)).state, `turn ${turn}`).toBe('succeeded');
    }
    expect((await web()).spec.cds).toEqual([{ slot: 0, image: await idOf('drivers') }]);
  });

  test('asked for again because the answer was lost, it is the same operation', async () => {
    await eject();
    await converge();
    const again = { params, body: { image: 'drivers' }, idempotencyKey: 'once' };
    const first = await cluster.call<Operation>('insertCd', again);
    expect(await cluster.call<Operation>('insertCd', again)).toEqual(first);
  });

  test('a locked tray keeps what lies in it, unless by force', async () => {
    locked = true;
    const kept = await eject();
    await converge();
    expect(await statusOf(kept)).toMatchObject({ state: 'failed', error: { code: 'tray_locked' } });
    expect((await web()).spec.cds).toEqual([{ slot: 0, image: await idOf('setup') }]);
    expect((await bound())?.spec.input.cds).toHaveLength(1);
    expect((await bound())?.spec.plug).toBeUndefined();
    const forced = await eject({ force: true });
    await converge();
    expect((await statusOf(forced)).state).toBe('succeeded');
  });

  test('two users at once: one of them is told that it is busy', async () => {
    const answers = await Promise.all([refusal(eject()), refusal(eject())]);
    expect(answers.toSorted()).toEqual([expect.stringMatching(/^(busy|conflict)/), 'done']);
  });
});

describe('drives', () => {
  test('on SCSI at once, elsewhere at the next start, each at the first free place', async () => {
    const plan = await cluster.call<{ plan: string[] }>('attachCd', {
      params: { ref: 'web' },
      query: { plan: true },
      body: {},
    });
    expect(plan.plan.join()).toContain('at its next start');
    await attach({});
    await converge();
    await attach({ bus: 'scsi', image: 'drivers' });
    await converge();
    expect((await web()).spec.cds).toMatchObject([{ slot: 0 }, { slot: 1 }, { slot: 2, bus: 'scsi' }]);
    expect((await bound())?.spec.input.cds?.map(({ slot }) => slot)).toEqual([0, 2]);
    await cluster.call('detachCd', { params: { ref: 'web', cd: '2' } });
    await converge();
    expect((await bound())?.spec.input.cds?.map(({ slot }) => slot)).toEqual([0]);
    await cluster.call('stopInstance', { params: { ref: 'web' }, body: { force: true } });
    await converge();
    await cluster.call('startInstance', { params: { ref: 'web' }, body: {} });
    await converge();
    expect((await bound())?.spec.input.cds?.map(({ slot }) => slot)).toEqual([0, 1]);
  });
});

describe('booting once', () => {
  const reboot = (body: object = {}) =>
    cluster.call<Operation>('rebootInstance', {
      params: { ref: 'web' },
      body: { bootOnce: ['cd'], ...body },
    });

  test('the binding says so until the node has seen it, and never again', async () => {
    deaf = true;
    const operation = await reboot();
    const { power, bootOnce } = (await bound())?.spec ?? {};
    expect([power, bootOnce]).toEqual(['stopped', undefined]);
    await converge();
    expect((await bound())?.spec).toMatchObject({
      power: 'running',
      bootOnce: { operation: operation.id, order: ['cd'] },
    });
    deaf = false;
    await converge();
    expect((await statusOf(operation)).state).toBe('succeeded');
    expect((await bound())?.spec.bootOnce).toBeUndefined();
    expect((await web()).spec.bootOrder).toBeUndefined();
  });

  describe('its image is not on the node', () => {
    const media = (status: object) => {
      cluster.agent.alter = (report) =>
        report.kind === 'replica' ? ({ ...report, status } as StatusReport) : obeying(report);
    };
    const gone = async () => {
      media({ state: 'failed', error: toProblem(err('download_failed', { what: 'setup', why: 'gone' })) });
      await converge();
    };
    const runsOn = async () => {
      expect((await bound())?.spec.power).toBe('running');
      expect((await web()).status.state).toBe('running');
    };

    test('it runs until it is', async () => {
      await gone();
      media({ state: 'creating' });
      const operation = await reboot();
      await converge();
      await runsOn();
      cluster.agent.alter = obeying;
      await converge();
      expect(await statusOf(operation)).toMatchObject({ state: 'succeeded' });
    });

    test('and cannot be: it was never down', async () => {
      await gone();
      const operation = await reboot();
      await converge();
      expect(await statusOf(operation)).toMatchObject({
        state: 'failed',
        error: { code: 'download_failed' },
      });
      await runsOn();
    });

    test('and is slow, or nobody waits for it any more', async () => {
      await gone();
      media({ state: 'creating' });
      const late = await reboot({ deadlineMs: 1000 });
      await cluster.env.pass(2000);
      await converge();
      expect(await statusOf(late)).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
      const other = await reboot();
      await cluster.call('cancelOperation', { params: { ref: String(other.spec.number) } });
      await converge();
      expect((await statusOf(other)).state).toBe('cancelled');
      await runsOn();
    });
  });

  test('one that does not come to it in time is taken back, and the instance boots as always', async () => {
    deaf = true;
    const operation = await reboot({ deadlineMs: 1000 });
    await cluster.env.pass(2000);
    await converge();
    expect((await statusOf(operation)).state).toBe('failed');
    expect((await bound())?.spec).toMatchObject({ power: 'running' });
    expect((await bound())?.spec.bootOnce).toBeUndefined();
  });
});
