import { connect, virErrorDomain, virErrorNumber } from '@gantry/libvirt';
import { type FakeLibvirtd, refusal } from '@gantry/libvirt/testing';
import type { GuestCopies } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CopiedSpec } from '../actions.ts';
import { guestOf, ids } from '../testing/assignments.ts';
import { type FakeSession, fakeSession, markedXml } from '../testing/fake-session.ts';
import { type CopyParts, copyGuest, endCopy } from './copy.ts';
import { copyRecords } from './copy-records.ts';
import { createGuestDirectory } from './directory.ts';

const quiet = () => undefined;
const clock = { now: () => 0, bootMs: () => 0, sleep: async () => undefined };
const TO = '00000000-0000-4000-8000-00000000c0de';
const copies = {
  instance: '00000000-0000-4000-8000-00000000c10e',
  operation: ids.operation,
  freeze: true,
  disks: [{ from: ids.disk, to: TO, template: 'file-qcow2', sizeBytes: 2 ** 30 }],
} as unknown as GuestCopies;

/** @param agent as libvirt sees the channel */
const xml = (agent: 'connected' | 'disconnected') =>
  markedXml(
    `<devices><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='${agent}'/></channel></devices>`,
  );

let libvirt: FakeSession;
let fake: FakeLibvirtd;
let parts: CopyParts;
/** What was done, in its order. */
let done: string[];

beforeEach(async () => {
  libvirt = await fakeSession(clock);
  const { dir, session } = libvirt;
  fake = libvirt.fake;
  done = [];
  parts = {
    ...{ session, clock, directory: createGuestDirectory(dir), records: copyRecords(dir) },
    member: { cluster: ids.cluster, node: 'node1' },
    disks: async () => [],
    files: {
      begin: async () => [],
      finish: async () => undefined,
      discard: async () => void done.push('discard'),
      carry: async (_from, _to, which) => void done.push(which),
    },
  };
  let writing = true;
  fake.on('domainAgentSetResponseTimeout', () => 0 as never);
  fake.on('domainFsthaw', () => {
    done.push('thaw');
    return 1;
  });
  fake.on('domainBackupGetXmlDesc', () => {
    if (writing)
      return `<domainbackup><disks><disk><target file='/x/${TO}.creating.op.qcow2'/></disk></disks></domainbackup>`;
    throw refusal(virErrorNumber.VIR_ERR_NO_DOMAIN_BACKUP, virErrorDomain.VIR_FROM_DOMAIN, 'no backup');
  });
  fake.on('domainAbortJob', () => {
    writing = false;
    done.push('abort');
  });
});

afterEach(() => libvirt.end());

/** A guest that runs, of which the agent was killed while it was to be frozen. */
async function frozen(agent: 'connected' | 'disconnected'): Promise<void> {
  const lv = await connect('qemu:///system', { socket: fake.socketPath });
  const dom = await lv.domainDefineXmlFlags({ xml: xml(agent) });
  await lv.domainCreateWithFlags({ dom });
  const { id: domainId } = await lv.domainLookupByUuid({ uuid: ids.instance });
  await parts.records.write(ids.instance, { copies, phase: 'freezing', domainId });
  await lv.close();
}

test('it is thawed first, then nothing of the copy is left', async () => {
  await frozen('connected');
  await endCopy(ids.instance, parts, quiet);
  expect(done).toEqual(['thaw', 'abort', 'discard']);
  expect(await parts.records.list()).toEqual([]);
});

test('one whose agent is gone: QEMU writes no more, and it is asked again later', async () => {
  await frozen('disconnected');
  await expect(endCopy(ids.instance, parts, quiet)).rejects.toMatchObject({ code: 'guest_agent' });
  expect(done).toEqual(['abort', 'discard']);
  expect(await parts.records.list()).toHaveLength(1);
});

test('nothing but the moment and what may change in it is taken while the guest is frozen', async () => {
  await frozen('connected');
  await parts.records.remove(ids.instance);
  const note = (what: string) => () => void done.push(what);
  fake.on('domainAgentCommand', () => '{"return":{}}');
  fake.on('domainFsfreeze', () => {
    done.push('freeze');
    return 1;
  });
  fake.on('domainBackupBegin', note('backup') as never);
  fake.on('domainGetJobStats', ({ flags }) => ({ type: flags === 0 ? 0 : 3, params: {} }) as never);
  const { spec } = guestOf();
  parts = {
    ...parts,
    disks: async () => [],
    files: { ...parts.files, finish: async () => void done.push('finish') },
  };
  const none = { ...copies, disks: [] };
  await copyGuest({ ...spec, copies: none } as CopiedSpec, parts, quiet, new AbortController().signal);
  expect(done).toEqual(['constant', 'freeze', 'backup', 'changing', 'thaw', 'finish']);
});
