import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type LibvirtClient } from '../client.ts';
import { conformanceChecks } from './conformance.ts';
import { type FakeHypervisor, fakeHypervisor } from './fake-hypervisor.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from './fake-libvirtd.ts';

let dir: string;
let fake: FakeLibvirtd;
let hypervisor: FakeHypervisor;
let lv: LibvirtClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fake-libvirtd-'));
  hypervisor = fakeHypervisor((event) => fake.emit(event), randomUUID);
  fake = await startFakeLibvirtd(join(dir, 'sock'), hypervisor.handlers);
  lv = await connect({ socket: fake.socketPath, uri: 'qemu:///system' });
});

afterAll(async () => {
  await lv.close();
  await fake.stop();
  await rm(dir, { recursive: true });
});

describe('conformance of the fake libvirtd', () => {
  test.each(conformanceChecks.map((check) => [check.title, check] as const))('%s', async (_, check) => {
    await check.run({
      lv,
      newUuid: randomUUID,
      guestXml: ({ name, uuid, extra = '' }) =>
        `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid>${extra}</domain>`,
      booted: () => Promise.resolve(),
    });
  });

  test('refuses a call without a handler as libvirt does', async () => {
    await expect(lv.nodeGetInfo()).rejects.toMatchObject({
      codeName: 'VIR_ERR_NO_SUPPORT',
      call: 'nodeGetInfo',
    });
  });

  test('a call that is never answered ends by its deadline, and one whose connection goes says so', async () => {
    const own = await connect({ socket: fake.socketPath, uri: 'qemu:///system', callTimeoutMs: 50 });
    fake.setFault((name) => (name === 'connectGetHostname' ? 'ignore' : 'answer'));
    await expect(own.connectGetHostname()).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    fake.setFault((name) => (name === 'connectGetHostname' ? 'close-before' : 'answer'));
    const cut = own.connectGetHostname({}, { timeoutMs: 60_000 });
    await expect(cut).rejects.toMatchObject({ code: 'PEER_CLOSED' });
    expect(await own.closed).toMatchObject({ code: 'PEER_CLOSED' });
    fake.setFault(() => 'answer');
  });
});
