import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect,
  type Domain,
  isInvalidInput,
  type LibvirtClient,
  TransportError,
  virDomainXMLFlags,
} from '@gantry/libvirt';
import { conformanceChecks } from '@gantry/libvirt/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { tinyGuestXml, writeTinyGuest } from '../lab/tiny-guest.ts';

let dir: string;
let disk: string;
let libvirtd: PrivateLibvirtd;
let lv: LibvirtClient;

beforeAll(async () => {
  // QEMU's own user must be able to pass: mkdtemp makes 0700.
  dir = await mkdtemp(join(tmpdir(), 'lv-'));
  libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'node') });
  // Inside, this directory is /var/lib/libvirt, which that user may traverse.
  await writeTinyGuest(join(dir, 'node', 'lib', 'tiny.img'));
  disk = '/var/lib/libvirt/tiny.img';
  lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
});

afterAll(async () => {
  await lv.close();
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

/** QEMU drops what a guest says before it has noticed a reader of its console: so the guest is asked until it answers. */
async function booted(dom: Domain): Promise<void> {
  const { readable, writable, abort } = await lv.domainOpenConsole({ dom });
  const writer = writable.getWriter();
  const asking = setInterval(() => {
    void writer.write(Buffer.from('.')).catch(() => {});
  }, 200);
  try {
    for await (const _ of readable) break;
  } finally {
    clearInterval(asking);
    abort();
  }
}

async function running(extra = ''): Promise<Domain> {
  const uuid = randomUUID();
  const xml = tinyGuestXml({ name: `guest-${uuid.slice(0, 8)}`, uuid, disk, extra });
  return lv.domainCreateWithFlags({ dom: await lv.domainDefineXmlFlags({ xml }) });
}

describe('conformance of the real libvirtd', () => {
  test.each(conformanceChecks.map((check) => [check.title, check] as const))('%s', async (_, check) => {
    const guestXml = ({ name, uuid, extra = '' }: { name: string; uuid: string; extra?: string }): string =>
      tinyGuestXml({ name, uuid, disk, extra });
    await check.run({ lv, newUuid: randomUUID, guestXml, booted });
  });
});

describe('what only a real libvirtd has', () => {
  test('host: node information, capabilities, CPU models, memory', async () => {
    const node = await lv.nodeGetInfo();
    expect(node.model).toBe('x86_64');
    expect(node.cpus).toBeGreaterThan(0);
    expect(await lv.connectGetCapabilities()).toMatch(/^<capabilities>/);
    const capabilities = { emulatorbin: null, arch: 'x86_64', machine: 'pc', virttype: 'qemu' };
    expect(await lv.connectGetDomainCapabilities(capabilities)).toMatch(/<domainCapabilities>/);
    expect(await lv.connectGetCpuModelNames({ arch: 'x86_64' })).toContain('qemu64');
    expect(await lv.nodeGetFreeMemory()).toBeGreaterThan(0);
    const memory = await lv.nodeGetMemoryStats({ cellNum: -1 });
    expect(memory.map(({ field }) => field)).toContain('total');
    const cpu = await lv.nodeGetCpuStats({ cpuNum: -1 });
    expect(cpu.map(({ field }) => field)).toContain('idle');
    expect(await lv.nodeGetMemoryParameters()).toBeTypeOf('object');
    expect(await lv.connectIsSecure()).toBe(true);
    expect(await lv.connectGetUri()).toBe('qemu:///system');
  });

  test('statistics and tunables come and go as plain objects with their types', async () => {
    const dom = await running();
    const [stats] = await lv.connectGetAllDomainStats({ doms: [dom], stats: 0 });
    expect(stats?.dom).toEqual(dom);
    expect(stats?.params['state.state']).toBe(1);
    expect(typeof stats?.params['cpu.time']).toBe('bigint');
    await lv.domainSetBlockIoTune({ dom, disk: 'vda', params: { read_bytes_sec: 10_485_760 }, flags: 1 });
    const tune = await lv.domainGetBlockIoTune({ dom, disk: 'vda', flags: 1 });
    expect(tune['read_bytes_sec']).toBe(10_485_760n);
    await lv.domainSetSchedulerParametersFlags({ dom, params: { cpu_shares: 512 }, flags: 1 });
    expect((await lv.domainGetSchedulerParametersFlags({ dom, flags: 1 }))['cpu_shares']).toBe(512n);
    await lv.domainSetMetadata({ dom, type: 1, metadata: 'a title', flags: 2 });
    expect(await lv.domainGetMetadata({ dom, type: 1, flags: 2 })).toBe('a title');
    await lv.domainDestroyFlags({ dom });
    await lv.domainUndefineFlags({ dom });
  });

  test('QEMU answers monitor commands, and an agent that is not there is an error', async () => {
    const dom = await running();
    const answer = await lv.domainMonitorCommand({ dom, cmd: '{"execute":"query-status"}' });
    expect(JSON.parse(answer)).toMatchObject({ return: { status: 'running' } });
    const ping = lv.domainAgentCommand({ dom, cmd: '{"execute":"guest-ping"}', timeout: 1 });
    await expect(ping).rejects.toMatchObject({
      call: 'domainAgentCommand',
      codeName: 'VIR_ERR_ARGUMENT_UNSUPPORTED',
    });
    await lv.domainDestroyFlags({ dom });
    await lv.domainUndefineFlags({ dom });
  });

  test('a guest that resets itself and one that panics', async () => {
    const dom = await running('<on_crash>preserve</on_crash>');
    const events = lv.domainEvents(['lifecycle', 'reboot'], { dom });
    await events.ready;
    await booted(dom);
    const { writable, readable } = await lv.domainOpenConsole({ dom });
    const writer = writable.getWriter();
    await writer.write(Buffer.from('r'));
    // that it was started may be told late
    for (;;) if ((await events.next()).value?.kind === 'reboot') break;
    for await (const bytes of readable) if (Buffer.from(bytes).includes('>')) break;
    const again = await lv.domainOpenConsole({ dom });
    await again.writable.getWriter().write(Buffer.from('p'));
    for (;;) {
      const { value } = await events.next();
      if (value?.kind === 'lifecycle' && value.event === 8) break;
    }
    expect(await lv.domainGetState({ dom })).toEqual({ state: 6, reason: 1 });
    await lv.domainDestroyFlags({ dom });
    await lv.domainUndefineFlags({ dom });
  });

  test('a screenshot comes as a stream with its MIME type', async () => {
    const uuid = randomUUID();
    const video = "<devices><video><model type='vga'/></video><graphics type='vnc' port='-1'/></devices>";
    const xml = tinyGuestXml({ name: 'screen', uuid, disk }).replace(
      '<devices>',
      video.replace('</devices>', ''),
    );
    const dom = await lv.domainCreateWithFlags({ dom: await lv.domainDefineXmlFlags({ xml }) });
    const { result, readable, closed } = await lv.domainScreenshot({ dom, screen: 0 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of readable) chunks.push(chunk);
    await closed;
    expect(result).toMatch(/^image\//);
    // a screen that is still black packs well
    expect(Buffer.concat(chunks).length).toBeGreaterThan(200);
    await lv.domainDestroyFlags({ dom });
    await lv.domainUndefineFlags({ dom });
  });

  test('volumes go up and down unharmed', async () => {
    await libvirtd.exec(['mkdir', '-p', '/var/lib/libvirt/pool']);
    const pool = await lv.storagePoolCreateXml({
      xml: "<pool type='dir'><name>p</name><target><path>/var/lib/libvirt/pool</path></target></pool>",
    });
    const bytes = 3 * 2 ** 20 + 17;
    const vol = await lv.storageVolCreateXml({
      pool,
      xml: `<volume><name>v</name><capacity>${bytes}</capacity><target><format type='raw'/></target></volume>`,
    });
    const content = Buffer.alloc(bytes, 'gantry ');
    const up = await lv.storageVolUpload({ vol, offset: 0, length: bytes });
    const writer = up.writable.getWriter();
    await writer.write(content);
    await writer.close();
    const down = await lv.storageVolDownload({ vol, offset: 0, length: bytes });
    const chunks: Uint8Array[] = [];
    for await (const chunk of down.readable) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    await lv.storageVolDelete({ vol });
    await lv.storagePoolDestroy({ pool });
  });

  test('networks, filters, secrets and node devices answer', async () => {
    const xml = '<network><name>n1</name><bridge name="virbr9"/></network>';
    const net = await lv.networkDefineXml({ xml });
    expect(await lv.networkLookupByName({ name: 'n1' })).toEqual(net);
    expect(await lv.connectListAllNetworks()).toEqual([net]);
    await lv.networkUndefine({ net });
    expect(await lv.connectListAllSecrets()).toEqual([]);
    expect((await lv.connectListAllNwfilters()).map(({ name }) => name)).toContain('clean-traffic');
    await expect(lv.networkDefineXml({ xml: '<network/>' })).rejects.toSatisfy(isInvalidInput);
  });

  test('other URIs of the same daemon: the test driver', async () => {
    await using other = await connect({ socket: libvirtd.socketPath, uri: 'test:///default' });
    expect(await other.connectGetType()).toBe('TEST');
    const [dom] = await other.connectListAllDomains();
    expect(dom?.name).toBe('test');
    if (dom === undefined) throw new Error('the test driver has no domain');
    expect(await other.domainGetXmlDesc({ dom, flags: virDomainXMLFlags.VIR_DOMAIN_XML_INACTIVE })).toMatch(
      /<name>test/,
    );
  });

  test('an unknown URI is refused and the connection closed', async () => {
    const refused = connect({ socket: libvirtd.socketPath, uri: 'nonsense:///x' });
    await expect(refused).rejects.toMatchObject({ name: 'LibvirtError', call: 'connectOpen' });
  });

  test('a daemon that is killed ends calls and event loops with an error; a new connection works again', async () => {
    const own = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
    const events = own.domainEvents(['lifecycle']);
    await events.ready;
    const waiting = expect(events.next()).rejects.toBeInstanceOf(TransportError);
    await libvirtd.killDaemon();
    await waiting;
    expect(await own.closed).toMatchObject({ code: 'PEER_CLOSED' });
    await expect(own.connectGetType()).rejects.toMatchObject({ code: 'PEER_CLOSED', outcome: 'not-sent' });
    await libvirtd.startDaemon();
    lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
    expect(await lv.connectGetType()).toBe('QEMU');
  });
});
