/** A guest goes from one real libvirtd to another: led by the client, and by the source's libvirtd itself. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  connect,
  type Domain,
  type DomainEvent,
  type Gap,
  type LibvirtClient,
  virDomainEventResumedDetailType,
  virDomainEventStoppedDetailType,
  virDomainEventSuspendedDetailType,
  virDomainEventType,
  virDomainGetJobStatsFlags,
  virDomainJobOperation,
  virDomainJobType,
  virDomainMigrateFlags,
  virDomainState,
} from '@gantry/libvirt';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { tinyGuestXml, writeTinyGuest } from '../lab/tiny-guest.ts';

const run = promisify(execFile);
const {
  VIR_MIGRATE_CHANGE_PROTECTION,
  VIR_MIGRATE_LIVE,
  VIR_MIGRATE_PEER2PEER,
  VIR_MIGRATE_PERSIST_DEST,
  VIR_MIGRATE_UNDEFINE_SOURCE,
} = virDomainMigrateFlags;
const FLAGS = VIR_MIGRATE_LIVE | VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
/** Between begin and confirm nobody else may change the domain. */
const LED = FLAGS | VIR_MIGRATE_CHANGE_PROTECTION;
/** The cable between the two. */
const ADDRESSES = ['10.99.0.1', '10.99.0.2'] as const;
const TO_TARGET = `tcp://${ADDRESSES[1]}`;

let dir: string;
let nodes: [PrivateLibvirtd, PrivateLibvirtd];
let source: LibvirtClient;
let target: LibvirtClient;
let dom: Domain;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lvm-'));
  await chmod(dir, 0o755);
  nodes = [
    await startPrivateLibvirtd({ dir: join(dir, 'a') }),
    await startPrivateLibvirtd({ dir: join(dir, 'b') }),
  ];
  const [a, b] = nodes.map(({ pid }) => String(pid)) as [string, string];
  await run('ip', ['link', 'add', 'wire', 'netns', a, 'type', 'veth', 'peer', 'name', 'wire', 'netns', b]);
  for (const [index, node] of nodes.entries()) {
    await node.exec(['ip', 'address', 'add', `${ADDRESSES[index]}/24`, 'dev', 'wire']);
    await node.exec(['ip', 'link', 'set', 'wire', 'up']);
    await writeTinyGuest(join(node.dir, 'lib', 'tiny.img'));
  }
  source = await connect('qemu:///system', { socket: nodes[0].socketPath });
  target = await connect('qemu:///system', { socket: nodes[1].socketPath });
});

afterAll(async () => {
  await Promise.all([source.close(), target.close()]);
  await Promise.all(nodes.map((node) => node.stop()));
  await rm(dir, { recursive: true });
});

beforeEach(async () => {
  const xml = tinyGuestXml({ name: 'tiny', uuid: randomUUID(), disk: '/var/lib/libvirt/tiny.img' });
  dom = await source.domainDefineXmlFlags({ xml });
  await source.domainCreate({ dom });
});

afterEach(async () => {
  for (const lv of [source, target])
    for (const found of await lv.connectListAllDomains({ needResults: 1, flags: 0 })) {
      await lv.domainDestroyFlags({ dom: found }).catch(() => {});
      await lv.domainUndefineFlags({ dom: found }).catch(() => {});
    }
});

/** The states a domain ran through, by the events of its libvirtd; ends with `last`. */
async function lifecycle(events: AsyncIterable<DomainEvent | Gap>, last: string): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    if (event.kind === 'lifecycle') seen.push(`${EVENTS[event.event]} ${event.detail}`);
    else seen.push(event.kind);
    if (seen.at(-1) === last) break;
  }
  return seen;
}

const EVENTS = Object.fromEntries(
  Object.entries(virDomainEventType).map(([name, number]) => [number, name.replace('VIR_DOMAIN_EVENT_', '')]),
);
const PAUSED = `SUSPENDED ${virDomainEventSuspendedDetailType.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED}`;
const LEFT = `STOPPED ${virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_MIGRATED}`;

const names = async (lv: LibvirtClient): Promise<string[]> =>
  (await lv.connectListAllDomains({ needResults: 1, flags: 0 })).map(({ name }) => name);

test('led by the client: begin, prepare, perform, finish, confirm', async () => {
  const events = source.domainEvents(['lifecycle', 'migrationIteration', 'jobCompleted'], { dom });
  await events.ready;
  const seen = lifecycle(events, 'jobCompleted');
  const params = { migrate_uri: TO_TARGET, destination_name: dom.name };
  const begun = await source.domainMigrateBegin3Params({ dom, params, flags: LED });
  expect(begun.xml).toContain(dom.uuid);
  const prepared = await target.domainMigratePrepare3Params({
    params: { ...params, destination_xml: begun.xml },
    cookieIn: begun.cookieOut,
    flags: LED,
  });
  // The target says which port QEMU listens on.
  expect(prepared.uriOut).toMatch(/^tcp:\/\/10\.99\.0\.2:\d+$/);
  const to = { ...params, migrate_uri: prepared.uriOut ?? '' };
  const cookieIn = await source.domainMigratePerform3Params({
    dom,
    dconnuri: null,
    params: to,
    cookieIn: prepared.cookieOut,
    flags: LED,
  });
  const end = { params: to, flags: LED, cancelled: false };
  const finished = await target.domainMigrateFinish3Params({ ...end, cookieIn });
  expect(finished.dom).toMatchObject({ name: dom.name, uuid: dom.uuid });
  await source.domainMigrateConfirm3Params({ ...end, dom, cookieIn: finished.cookieOut });

  expect(await seen).toEqual(expect.arrayContaining(['migrationIteration', PAUSED, LEFT, 'jobCompleted']));
  expect(await names(source)).toEqual([]);
  expect(await names(target)).toEqual([dom.name]);
  const { VIR_DOMAIN_JOB_STATS_COMPLETED: flags } = virDomainGetJobStatsFlags;
  const { params: stats } = await target.domainGetJobStats({ dom, flags });
  expect(stats).toMatchObject({
    operation: virDomainJobOperation.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN,
    memory_remaining: 0n,
    downtime: expect.any(BigInt),
  });
});

/** Begin and prepare; `perform` sends the memory to `uri`. */
async function prepared() {
  const params = { migrate_uri: TO_TARGET, destination_name: dom.name };
  const begun = await source.domainMigrateBegin3Params({ dom, params, flags: LED });
  const { uriOut, cookieOut } = await target.domainMigratePrepare3Params({
    params: { ...params, destination_xml: begun.xml },
    cookieIn: begun.cookieOut,
    flags: LED,
  });
  const perform = (uri: string) =>
    source.domainMigratePerform3Params({
      dom,
      dconnuri: null,
      params: { ...params, migrate_uri: uri },
      cookieIn: cookieOut,
      flags: LED,
    });
  return { params, uri: uriOut ?? '', perform };
}

async function expectStillHere(): Promise<void> {
  const { state } = await source.domainGetState({ dom, flags: 0 });
  expect(state).toBe(virDomainState.VIR_DOMAIN_RUNNING);
  expect(await names(target)).toEqual([]);
}

test('memory that goes astray: the target is told, and the guest runs on where it was', async () => {
  const { params, perform } = await prepared();
  await expect(perform(`tcp://${ADDRESSES[1]}:9`)).rejects.toMatchObject({
    call: 'domainMigratePerform3Params',
  });
  const end = { params, flags: LED, cookieIn: new Uint8Array(0), cancelled: true };
  await target.domainMigrateFinish3Params(end).catch(() => {});
  await expectStillHere();
});

test('called off when all memory has been sent: the guest goes on where it was', async () => {
  const { params, uri, perform } = await prepared();
  const end = { params, flags: LED, cookieIn: await perform(uri), cancelled: true };
  const paused = await source.domainGetState({ dom, flags: 0 });
  expect(paused.state).toBe(virDomainState.VIR_DOMAIN_PAUSED);
  await target.domainMigrateFinish3Params(end).catch(() => {});
  await source.domainMigrateConfirm3Params({ ...end, dom, cookieIn: new Uint8Array(0) });
  await expectStillHere();
});

test('led by the source’s libvirtd: one call, watched from another connection', async () => {
  const events = target.domainEvents(['lifecycle'], { dom });
  await events.ready;
  const seen = lifecycle(
    events,
    `RESUMED ${virDomainEventResumedDetailType.VIR_DOMAIN_EVENT_RESUMED_MIGRATED}`,
  );
  await using worker = await connect('qemu:///system', { socket: nodes[0].socketPath });
  let over = false;
  const moved = worker
    .domainMigratePerform3Params({
      dom,
      dconnuri: `qemu+unix:///system?socket=${nodes[1].socketPath}`,
      // 1 MiB a second, so that there is something to see.
      params: { migrate_uri: TO_TARGET, bandwidth: 1n },
      cookieIn: new Uint8Array(0),
      flags: FLAGS | VIR_MIGRATE_PEER2PEER,
    })
    .finally(() => {
      over = true;
    });
  const running: object[] = [];
  while (!over) {
    const { type, params } = await source.domainGetJobStats({ dom, flags: 0 }).catch(() => NO_JOB);
    if (type === virDomainJobType.VIR_DOMAIN_JOB_UNBOUNDED) running.push(params);
  }
  await moved;
  expect(running).toContainEqual(
    expect.objectContaining({
      operation: virDomainJobOperation.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT,
      memory_total: expect.any(BigInt),
      memory_remaining: expect.any(BigInt),
    }),
  );
  expect((await seen)[0]).toMatch(/^(DEFINED|STARTED) /);
  expect(await names(source)).toEqual([]);
  expect(await names(target)).toEqual([dom.name]);
});

const NO_JOB = { type: virDomainJobType.VIR_DOMAIN_JOB_NONE, params: {} };
