import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect,
  connectPersistent,
  isHole,
  type LibvirtClient,
  type StorageVol,
  type StreamChunk,
  virNetworkEventLifecycleType,
  virSecretEventLifecycleType,
  virStoragePoolEventLifecycleType,
  zerosToHoles,
} from '@gantry/libvirt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { tinyGuestXml, writeTinyGuest } from '../lab/tiny-guest.ts';

const MIB = 2 ** 20;

let dir: string;
let libvirtd: PrivateLibvirtd;
let lv: LibvirtClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lvo-'));
  await chmod(dir, 0o755);
  libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'node') });
  await writeTinyGuest(join(dir, 'node', 'lib', 'tiny.img'));
  lv = await connect('qemu:///system', { socket: libvirtd.socketPath });
});

afterAll(async () => {
  await lv.close();
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

async function take<T>(events: AsyncIterator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) taken.push((await events.next()).value as T);
  return taken;
}

describe('events of a real libvirtd', () => {
  test('networks', async () => {
    const uuid = randomUUID();
    const events = lv.networkEvents(['lifecycle'], { net: { name: 'n', uuid } });
    await events.ready;
    const xml = `<network><name>n</name><uuid>${uuid}</uuid><bridge name='virbr7'/></network>`;
    const net = await lv.networkDefineXml({ xml });
    await lv.networkDefineXml({ xml: '<network><name>other</name><bridge name="virbr8"/></network>' });
    await lv.networkUndefine({ net });
    const { VIR_NETWORK_EVENT_DEFINED, VIR_NETWORK_EVENT_UNDEFINED } = virNetworkEventLifecycleType;
    expect(await take(events, 2)).toEqual([
      { kind: 'lifecycle', net, event: VIR_NETWORK_EVENT_DEFINED, detail: 0 },
      { kind: 'lifecycle', net, event: VIR_NETWORK_EVENT_UNDEFINED, detail: 0 },
    ]);
  });

  test('storage pools', async () => {
    const events = lv.storagePoolEvents(['lifecycle', 'refresh']);
    await events.ready;
    await libvirtd.exec(['mkdir', '-p', '/var/lib/libvirt/events']);
    const xml = "<pool type='dir'><name>e</name><target><path>/var/lib/libvirt/events</path></target></pool>";
    const pool = await lv.storagePoolCreateXml({ xml });
    await lv.storagePoolRefresh({ pool });
    await lv.storagePoolDestroy({ pool });
    const kinds = (await take(events, 3)).map((event) =>
      event.kind === 'lifecycle' ? event.event : event.kind,
    );
    const { VIR_STORAGE_POOL_EVENT_STARTED, VIR_STORAGE_POOL_EVENT_STOPPED } =
      virStoragePoolEventLifecycleType;
    expect(kinds).toEqual([VIR_STORAGE_POOL_EVENT_STARTED, 'refresh', VIR_STORAGE_POOL_EVENT_STOPPED]);
  });

  test('secrets', async () => {
    const events = lv.secretEvents(['lifecycle', 'valueChanged']);
    await events.ready;
    const xml = "<secret><usage type='volume'><volume>/v</volume></usage></secret>";
    const secret = await lv.secretDefineXml({ xml });
    await lv.secretSetValue({ secret, value: Buffer.from('hush') });
    await lv.secretUndefine({ secret });
    const { VIR_SECRET_EVENT_DEFINED, VIR_SECRET_EVENT_UNDEFINED } = virSecretEventLifecycleType;
    expect(await take(events, 3)).toMatchObject([
      { kind: 'lifecycle', secret, event: VIR_SECRET_EVENT_DEFINED },
      { kind: 'valueChanged', secret },
      { kind: 'lifecycle', secret, event: VIR_SECRET_EVENT_UNDEFINED },
    ]);
  });

  test('node devices are registered for', async () => {
    // The test driver makes and removes devices at will.
    await using other = await connect('test:///default', { socket: libvirtd.socketPath });
    const events = other.nodeDeviceEvents(['lifecycle', 'update']);
    await events.ready;
    const devices = await other.connectListAllNodeDevices();
    const xmls = await Promise.all(devices.map(({ name }) => other.nodeDeviceGetXmlDesc({ name })));
    const parent = devices[xmls.findIndex((text) => text.includes('vport_ops'))];
    const xml = `<device><name>x</name><parent>${parent?.name}</parent><capability type='scsi_host'>
      <capability type='fc_host'><wwnn>2000000012341234</wwnn><wwpn>1000000012341234</wwpn></capability></capability></device>`;
    const dev = await other.nodeDeviceCreateXml({ xmlDesc: xml });
    await other.nodeDeviceDestroy({ name: dev.name });
    expect(await take(events, 2)).toMatchObject([
      { kind: 'lifecycle', dev, event: 0 },
      { kind: 'lifecycle', dev, event: 1 },
    ]);
  });

  test('QEMU’s monitor', async () => {
    const events = lv.qemuMonitorEvents({ filter: ({ event }) => event === 'STOP' || event === 'RESUME' });
    await events.ready;
    const xml = tinyGuestXml({ name: 'mon', uuid: randomUUID(), disk: '/var/lib/libvirt/tiny.img' });
    const dom = await lv.domainCreateXml({ xmlDesc: xml });
    await lv.domainSuspend({ dom });
    const names = (await take(events, 2)).map((event) =>
      event.kind === 'monitor' ? event.event : event.kind,
    );
    expect(names).toEqual(['RESUME', 'STOP']);
    await lv.domainDestroyFlags({ dom });
  });
});

describe('sparse volumes', () => {
  test('holes go up and come down as holes', async () => {
    await libvirtd.exec(['mkdir', '-p', '/var/lib/libvirt/sparse']);
    const pool = await lv.storagePoolCreateXml({
      xml: "<pool type='dir'><name>s</name><target><path>/var/lib/libvirt/sparse</path></target></pool>",
    });
    const bytes = 2_048 * MIB;
    const xml = `<volume><name>v</name><capacity>${bytes}</capacity><allocation>0</allocation><target><format type='raw'/></target></volume>`;
    const vol = await lv.storageVolCreateXml({ pool, xml });
    const data = randomBytes(MIB);
    const up = await lv.storageVolUploadSparse({ vol, offset: 0, length: bytes });
    const writer = up.writable.getWriter();
    for (const chunk of [{ hole: 1_000 * MIB }, data, { hole: 1_047 * MIB }]) await writer.write(chunk);
    await writer.close();
    const { stdout } = await libvirtd.exec(['du', '-k', '/var/lib/libvirt/sparse/v']);
    expect(Number.parseInt(stdout, 10)).toBeLessThan(2_048);
    const chunks = await download(vol, bytes);
    expect(chunks.reduce((sum, chunk) => sum + (isHole(chunk) ? chunk.hole : chunk.length), 0)).toBe(bytes);
    const content = Buffer.concat(chunks.filter((chunk) => chunk instanceof Uint8Array));
    expect(content.includes(data)).toBe(true);
    expect(content.length).toBeLessThan(2 * MIB);
    await lv.storageVolDelete({ vol });
    await lv.storagePoolDestroy({ pool });
  });

  test('zeros of an ordinary stream become holes on the way', async () => {
    await libvirtd.exec(['mkdir', '-p', '/var/lib/libvirt/zeros']);
    const pool = await lv.storagePoolCreateXml({
      xml: "<pool type='dir'><name>z</name><target><path>/var/lib/libvirt/zeros</path></target></pool>",
    });
    const xml = `<volume><name>v</name><capacity>${8 * MIB}</capacity><allocation>0</allocation><target><format type='raw'/></target></volume>`;
    const vol = await lv.storageVolCreateXml({ pool, xml });
    const content = Buffer.alloc(8 * MIB);
    content.write('here', 3 * MIB);
    const source = new ReadableStream<Uint8Array>({
      start(to) {
        to.enqueue(content);
        to.close();
      },
    });
    const { writable } = await lv.storageVolUploadSparse({ vol, offset: 0, length: 0 });
    await source.pipeThrough(zerosToHoles()).pipeTo(writable as WritableStream<StreamChunk>);
    const { stdout } = await libvirtd.exec(['du', '-k', '/var/lib/libvirt/zeros/v']);
    expect(Number.parseInt(stdout, 10)).toBeLessThan(64);
    const back = Buffer.concat((await download(vol, 0)).map((c) => (isHole(c) ? Buffer.alloc(c.hole) : c)));
    expect(back.equals(content)).toBe(true);
    await lv.storagePoolDestroy({ pool });
  });

  async function download(vol: StorageVol, length: number): Promise<StreamChunk[]> {
    const { readable } = await lv.storageVolDownloadSparse({ vol, offset: 0, length });
    const chunks: StreamChunk[] = [];
    for await (const chunk of readable) chunks.push(chunk);
    return chunks;
  }
});

test('a client that reconnects survives the daemon’s restart, events included', async () => {
  const lost: string[] = [];
  await using persistent = await connectPersistent(`qemu:///system?socket=${libvirtd.socketPath}`, {
    onLost: ({ reason }) => lost.push(reason.name),
  });
  const events = persistent.domainEvents(['lifecycle']);
  await events.ready;
  await libvirtd.killDaemon();
  await libvirtd.startDaemon();
  const uuid = randomUUID();
  const xml = tinyGuestXml({ name: 'after', uuid, disk: '/var/lib/libvirt/tiny.img' });
  const dom = await persistent.domainDefineXmlFlags({ xml });
  expect((await events.next()).value).toMatchObject({ kind: 'reconnected' });
  expect((await events.next()).value).toMatchObject({ kind: 'lifecycle', dom });
  await persistent.domainUndefineFlags({ dom });
  expect(lost).toEqual(['TransportError']);
});
