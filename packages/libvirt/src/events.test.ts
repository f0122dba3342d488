import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type LibvirtClient } from './client.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from './testing/fake-libvirtd.ts';

let dir: string;
let fake: FakeLibvirtd;
let lv: LibvirtClient;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'events-'));
  fake = await startFakeLibvirtd(join(dir, 's'));
  lv = await connect('qemu:///system', { socket: fake.socketPath });
});

afterEach(async () => {
  await lv.close();
  await fake.stop();
  await rm(dir, { recursive: true });
});

const net = { name: 'n', uuid: randomUUID() };
const pool = { name: 'p', uuid: randomUUID() };
const secret = { uuid: randomUUID(), usageType: 1, usageID: '/v' };
const dom = { name: 'd', uuid: randomUUID(), id: 3 };

test('networks, pools, node devices, secrets and monitors have events too', async () => {
  const loops = [
    lv.networkEvents(['lifecycle']),
    lv.storagePoolEvents(['lifecycle', 'refresh']),
    lv.nodeDeviceEvents(['lifecycle', 'update']),
    lv.secretEvents(['lifecycle', 'valueChanged']),
    lv.qemuMonitorEvents(),
  ];
  await Promise.all(loops.map(({ ready }) => ready));
  fake.emitFrom('network', { kind: 'lifecycle', net, event: 2, detail: 0 });
  fake.emitFrom('storagePool', { kind: 'refresh', pool });
  fake.emitFrom('nodeDevice', { kind: 'update', dev: { name: 'pci_0' } });
  fake.emitFrom('secret', { kind: 'valueChanged', secret });
  const details = '{"device":"vda"}';
  fake.emitFrom('qemuMonitor', {
    kind: 'monitor',
    dom,
    event: 'BLOCK_JOB_READY',
    seconds: 5,
    micros: 7,
    details,
  });
  const first = await Promise.all(loops.map(async (loop) => (await loop.next()).value));
  expect(first).toEqual([
    { kind: 'lifecycle', net, event: 2, detail: 0 },
    { kind: 'refresh', pool },
    { kind: 'update', dev: { name: 'pci_0' } },
    { kind: 'valueChanged', secret },
    { kind: 'monitor', dom, event: 'BLOCK_JOB_READY', seconds: 5, micros: 7, details },
  ]);
});

test('only of one object, and only what the filter lets through', async () => {
  const other = { name: 'o', uuid: randomUUID() };
  const one = lv.networkEvents(['lifecycle'], { net });
  const some = lv.domainEvents(['lifecycle'], { filter: ({ event }) => event === 5, queueLimit: 1 });
  await Promise.all([one.ready, some.ready]);
  for (const subject of [other, net])
    fake.emitFrom('network', { kind: 'lifecycle', net: subject, event: 0, detail: 0 });
  expect((await one.next()).value).toMatchObject({ net });
  for (const event of [1, 2, 3, 5, 4]) fake.emit({ kind: 'lifecycle', dom, event, detail: 0 });
  await lv.connectGetType().catch(() => {});
  expect((await some.next()).value).toMatchObject({ event: 5 });
});

test('a filter that throws ends its own loop and nothing else', async () => {
  const broken = lv.domainEvents(['reboot'], {
    filter: () => {
      throw new Error('my mistake');
    },
  });
  const fine = lv.domainEvents(['reboot']);
  await Promise.all([broken.ready, fine.ready]);
  fake.emit({ kind: 'reboot', dom });
  await expect(broken.next()).rejects.toThrow('my mistake');
  expect((await fine.next()).value).toEqual({ kind: 'reboot', dom });
});

test('a kind that another source has is refused', () => {
  expect(() => lv.networkEvents(['refresh' as 'lifecycle'])).toThrow(/no network event kind refresh/);
});
