import { connect, type LibvirtClient, virErrorDomain, virErrorNumber } from '@gantry/libvirt';
import { refusal } from '@gantry/libvirt/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { guestOf, ids } from '../testing/assignments.ts';
import { type FakeSession, fakeSession, markedXml } from '../testing/fake-session.ts';
import { createGuestDirectory } from './directory.ts';
import { firstAlone } from './first-alone.ts';
import { restoreGuest, saveGuest } from './save.ts';
import type { Session } from './session.ts';

const quiet = () => undefined;
const clock = { now: () => 0, bootMs: () => 0, sleep: () => new Promise<void>(() => undefined) };
const member = { cluster: ids.cluster, node: 'node1' };
const { spec } = guestOf();

let libvirt: FakeSession;
let fake: FakeSession['fake'];
let hypervisor: FakeSession['hypervisor'];
let session: Session;
let lv: LibvirtClient;
/** Deadlines of the calls on connections of their own. */
let limits: unknown[];

beforeEach(async () => {
  libvirt = await fakeSession(clock);
  ({ fake, hypervisor } = libvirt);
  const made = libvirt.session;
  limits = [];
  session = {
    ...made,
    aside(work, limit) {
      limits.push(limit);
      return made.aside(work, limit);
    },
  };
  lv = await connect('qemu:///system', { socket: fake.socketPath });
  const dom = await lv.domainDefineXmlFlags({ xml: markedXml() });
  await lv.domainCreateWithFlags({ dom });
});

afterEach(async () => {
  await lv.close();
  await libvirt.end();
});

const directory = () => createGuestDirectory(libvirt.dir);
const save = () => saveGuest(spec, { session, member, directory: directory() }, quiet);
const restore = () =>
  restoreGuest(
    spec,
    { session, member, directory: directory(), qemuGid: process.getgid?.() ?? 0, starting: firstAlone() },
    quiet,
  );
const unreachable = { name: 'TransportError' };
const state = () => hypervisor.machine.domains.get(ids.instance);

test('memory is written and read back for as long as that takes', async () => {
  await save();
  expect(state()).toMatchObject({ managedSave: true, live: undefined });
  expect(await restore()).toBe(true);
  expect(state()).toMatchObject({ managedSave: false });
  expect(limits).toEqual([{ callTimeoutMs: 0 }, { callTimeoutMs: 0 }]);
});

test('a libvirt that goes meanwhile is not the memory’s fault', async () => {
  fake.setFault((name) => (name === 'domainManagedSave' ? 'close-before' : 'answer'));
  await expect(save()).rejects.toMatchObject(unreachable);
  fake.setFault(() => 'answer');
  await save();
  fake.setFault((name) => (name === 'domainCreateWithFlags' ? 'close-before' : 'answer'));
  await expect(restore()).rejects.toMatchObject(unreachable);
});

test('what libvirt refuses is told in its words', async () => {
  const no = () => {
    throw refusal(virErrorNumber.VIR_ERR_OPERATION_FAILED, virErrorDomain.VIR_FROM_QEMU, 'No space left');
  };
  fake.on('domainManagedSave', no);
  await expect(save()).rejects.toMatchObject({ code: 'suspend_failed', params: { why: 'No space left' } });
  fake.on('domainManagedSave', hypervisor.handlers.domainManagedSave as never);
  await save();
  fake.on('domainCreateWithFlags', no);
  await expect(restore()).rejects.toMatchObject({ code: 'saved_memory_unusable' });
});
