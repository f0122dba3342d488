/** Guests under a real libvirtd and QEMU: the tiny guest powers off, reboots, panics and is killed. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, virDomainXMLFlags } from '@gantry/libvirt';
import type { GuestSpec, LifePolicy } from '@gantry/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DomainHappening } from '../../packages/agent/src/env.ts';
import { createGuests, type Guests } from '../../packages/agent/src/guests/guests.ts';
import { guestOf, ids } from '../../packages/agent/src/testing/assignments.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { tinyGuestXml, writeTinyGuest } from '../lab/tiny-guest.ts';
import { LIMIT_MS } from '../lab/wait.ts';

let dir: string;
let state: string;
let disk: string;
let libvirtd: PrivateLibvirtd;
let guests: Guests;
let happenings: DomainHappening[];
const stop = new AbortController();
let watching: Promise<void>;
const signal = stop.signal;
const quiet = () => {};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ag-'));
  await chmod(dir, 0o711); // QEMU's user must be able to pass
  libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'node') });
  state = join(dir, 'state');
  await mkdir(state, { mode: 0o711 });
  disk = join(dir, 'tiny.img');
  await writeTinyGuest(disk);
  guests = createGuests({
    taps: async () => [],
    stateDir: state,
    socket: libvirtd.socketPath,
    clock: { now: Date.now, bootMs: Date.now, sleep: (ms) => sleep(ms) },
    log: quiet,
    membership: () => ({ cluster: ids.cluster, node: 'node1' }),
    hardware: async () => undefined,
    accelerator: async () => 'tcg',
    disks: async () => [{ disk: ids.disk, state: 'ready', template: 'file-raw', path: disk }],
    bases: async () => [],
    bootFiles: { prepare: async () => ({}), foresee: () => ({}) },
  });
  watching = guests.watch((happening) => happenings.push(happening), signal);
});

afterAll(async () => {
  stop.abort();
  await guests.close();
  await watching;
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

beforeEach(() => {
  happenings = [];
});

/** What a failed test left behind shall not make the next one fail. */
afterEach(async () => {
  for (const guest of made.splice(0)) {
    await guest.perform('guest.destroy').catch(quiet);
    await guest.perform('guest.remove').catch(quiet);
  }
});

const made: Tiny[] = [];

interface Tiny {
  instance: string;
  /** Of the domain. */
  name: string;
  start(): Promise<unknown>;
  act(kind: 'guest.reboot' | 'guest.reset'): Promise<unknown>;
  perform(what: 'guest.shutdown' | 'guest.destroy' | 'guest.remove'): Promise<unknown>;
  /** Types a key on its serial console once it is up, and hears its echo. */
  press(key: string): Promise<void>;
  seen(): ReturnType<typeof seenOf>;
  /** Happenings of this guest so far. */
  told(): string[];
}

const seenOf = async (uuid: string) =>
  (await guests.observe()).domains.find((domain) => domain.uuid === uuid);

function tiny(life: Partial<LifePolicy> = {}): Tiny {
  const instance = randomUUID();
  const name = `tiny-${instance.slice(0, 8)}`;
  const base = guestOf().spec;
  const policies = [{ level: 'instance' as const, from: 'tiny', policy: life }];
  const input = {
    ...base.input,
    name: 'tiny',
    memoryMiB: 32,
    policies,
    boot: { kernel: 'disk' as const },
    nics: [],
    disks: [{ id: ids.disk, template: 'file-raw' as const, sizeBytes: 2 ** 20 }],
  };
  const spec: GuestSpec = { ...base, instance: instance as GuestSpec['instance'], input };
  const guest: Tiny = {
    instance,
    name,
    start: () => guests.perform['guest.start']({ do: 'guest.start', spec, because: 'wanted' }, quiet, signal),
    act: (kind) =>
      guests.perform['act.perform'](
        { do: 'act.perform', act: ids.act, action: { kind, instance: spec.instance, epoch: spec.epoch } },
        quiet,
        signal,
      ),
    perform: (what) => guests.perform[what]({ do: what, instance } as never, quiet, signal),
    press: (key) => pressKey(instance, key),
    seen: () => seenOf(instance),
    told: () => happenings.filter((h) => h.uuid === instance && h.what !== 'other').map((h) => h.what),
  };
  made.push(guest);
  return guest;
}

/** The guest says `>` when it is up; what it said before somebody listened is in the log. */
async function booted(instance: string): Promise<void> {
  const { console } = guests.paths(instance);
  await expect.poll(() => readFile(console, 'utf8').catch(() => ''), until).toContain('>');
}

async function pressKey(instance: string, key: string): Promise<void> {
  await booted(instance);
  const seat = await guests.console(instance);
  seat.write(key);
  // Its echo is the last that is heard of it; leaving the loop leaves the console.
  for await (const bytes of seat as AsyncIterable<Buffer>) if (bytes.includes(key)) break;
}

/** QEMU's pid as this machine counts. */
async function qemuPid(instance: string): Promise<number> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    if (line.startsWith('/usr/bin/qemu-system') && line.includes(instance)) return Number(entry);
  }
  throw new Error(`no QEMU runs ${instance}`);
}

const until = { timeout: LIMIT_MS, interval: 50 };

/** A libvirt that was just started tells nothing of a QEMU that ends before it is connected to it: it is asked what only QEMU knows. */
async function hasMonitor(uuid: string): Promise<void> {
  const lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
  try {
    await lv.domainMemoryStats({ dom: await lv.domainLookupByUuid({ uuid }), maxStats: 1 });
  } finally {
    await lv.close();
  }
}

describe('a guest', () => {
  test('starts, is seen, and has console log and display', async () => {
    const guest = tiny();
    await guest.start();
    expect(await guest.seen()).toMatchObject({
      name: guest.name,
      state: 'running',
      reason: 'booted',
      memoryMiB: 32,
      ours: { cluster: ids.cluster, instance: guest.instance, epoch: { incarnation: 1, number: 1 } },
    });
    await booted(guest.instance);
    expect(await vncGreeting(guests.paths(guest.instance).vnc)).toMatch(/^RFB 003/);
    const explained = await guests.explain(guest.instance);
    const machine = explained?.find((entry) => entry.path === '/domain/os/type');
    expect(machine).toMatchObject({ level: 'builtin', source: 'hw_machine_type' });
    expect(explained?.some((entry) => entry.level === 'libvirt')).toBe(true);
    await guest.start();
    await expect.poll(guest.told, until).toEqual(['started']);
    await end(guest);
  });

  test('that an earlier release named otherwise is adopted, running or not, and keeps its name', async () => {
    const guest = tiny();
    await guest.start();
    await guest.perform('guest.destroy');
    const lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
    try {
      const made = await lv.domainLookupByUuid({ uuid: guest.instance });
      const xml = await lv.domainGetXmlDesc({ dom: made });
      await lv.domainUndefineFlags({ dom: made });
      const plain = `plain${guest.instance.slice(0, 4)}`;
      const dom = await lv.domainDefineXmlFlags({
        xml: xml.replace(`<name>${guest.name}<`, `<name>${plain}<`),
      });
      await lv.domainCreateWithFlags({ dom });
      const { domainId } = (await guest.seen()) ?? {};
      await guest.start();
      expect(await guest.seen()).toMatchObject({ name: plain, domainId, ours: { instance: guest.instance } });
      await guest.perform('guest.destroy');
      await guest.start();
      expect(await guest.seen()).toMatchObject({ name: plain, state: 'running' });
    } finally {
      await lv.close();
    }
    await end(guest);
  });

  test('killed QEMU is a crash, and it can be started again', async () => {
    const guest = tiny();
    await guest.start();
    process.kill(await qemuPid(guest.instance), 'SIGKILL');
    await expect.poll(guest.told, until).toEqual(['started', 'crash']);
    expect(await guest.seen()).toMatchObject({ state: 'shutoff', reason: 'crashed' });
    await guest.start();
    expect((await guest.seen())?.state).toBe('running');
    await end(guest);
  });

  test('QEMU ended by a signal from the host is a crash too', async () => {
    const guest = tiny();
    await guest.start();
    process.kill(await qemuPid(guest.instance), 'SIGTERM');
    await expect.poll(guest.told, until).toEqual(['started', 'crash']);
    await end(guest);
  });

  test('powers itself off', async () => {
    const guest = tiny();
    await guest.start();
    await guest.press('q');
    await expect.poll(guest.told, until).toEqual(['started', 'guest-poweroff']);
    expect(await guest.seen()).toMatchObject({ state: 'shutoff', reason: 'shutdown' });
    await end(guest);
  });

  test('reboots inside the same QEMU', async () => {
    const guest = tiny();
    await guest.start();
    const before = await guest.seen();
    await guest.press('r');
    await expect.poll(guest.told, until).toEqual(['started', 'guest-reboot']);
    expect(await guest.seen()).toEqual(before);
    await end(guest);
  });

  test('panics', async () => {
    const guest = tiny();
    await guest.start();
    await guest.press('p');
    await expect.poll(guest.told, until).toEqual(['started', 'panic']);
    expect(await guest.seen()).toMatchObject({ state: 'shutoff', reason: 'crashed' });
    await end(guest);
  });

  test('with onReboot=stop ends when it reboots', async () => {
    const guest = tiny({ onReboot: 'stop' });
    await guest.start();
    await guest.press('r');
    await expect.poll(async () => (await guest.seen())?.state, until).toBe('shutoff');
    await end(guest);
  });

  test('obeys the power button', async () => {
    const guest = tiny();
    await guest.start();
    await booted(guest.instance);
    await guest.perform('guest.shutdown');
    await expect.poll(async () => (await guest.seen())?.state, until).toBe('shutoff');
    await end(guest);
  });

  test('is reset by an act', async () => {
    const guest = tiny();
    await guest.start();
    await booted(guest.instance);
    await guest.act('guest.reset');
    await expect.poll(guest.told, until).toEqual(['started', 'guest-reboot']);
    await end(guest);
  });

  test('runs on while libvirtd is away and is adopted after', async () => {
    const guest = tiny();
    await guest.start();
    const before = await guest.seen();
    await libvirtd.killDaemon('SIGKILL');
    await expect.poll(async () => (await guests.observe()).libvirt, until).toBe(false);
    await libvirtd.startDaemon();
    await expect
      .poll(() => guest.seen(), until)
      .toMatchObject({ state: 'running', domainId: before?.domainId });
    await guest.start();
    expect((await guest.seen())?.domainId).toBe(before?.domainId);
    await hasMonitor(guest.instance);
    process.kill(await qemuPid(guest.instance), 'SIGKILL');
    await expect.poll(() => guest.told().at(-1), until).toBe('crash');
    await end(guest);
  });
});

/** Destroyed and removed: nothing of it is left. */
async function end(guest: Tiny): Promise<void> {
  await guest.perform('guest.destroy');
  await guest.perform('guest.remove');
  expect(await guest.seen()).toBeUndefined();
  await expect(stat(join(state, 'agent', 'guests', guest.instance))).rejects.toThrow('ENOENT');
}

const vncGreeting = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connectSocket(path);
    socket.once('error', reject);
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
  });

test('a foreign domain is seen, counted and never touched', async () => {
  const lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
  const guest = tiny();
  const uuid = guest.instance;
  const dom = await lv.domainCreateWithFlags({
    dom: await lv.domainDefineXmlFlags({ xml: tinyGuestXml({ name: 'theirs', uuid, disk }) }),
  });
  try {
    const xml = await lv.domainGetXmlDesc({ dom, flags: virDomainXMLFlags.VIR_DOMAIN_XML_INACTIVE });
    expect(await guest.seen()).toMatchObject({ name: 'theirs', state: 'running', memoryMiB: 32 });
    expect((await guest.seen())?.ours).toBeUndefined();
    for (const attempt of [
      () => guest.start(),
      () => guest.act('guest.reset'),
      () => guest.perform('guest.shutdown'),
      () => guest.perform('guest.destroy'),
      () => guest.perform('guest.remove'),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'foreign_domain' });
    expect(await guest.seen()).toMatchObject({ state: 'running', domainId: dom.id });
    expect(await lv.domainGetXmlDesc({ dom, flags: virDomainXMLFlags.VIR_DOMAIN_XML_INACTIVE })).toBe(xml);
  } finally {
    await lv.domainDestroyFlags({ dom });
    await lv.domainUndefineFlags({ dom });
    await lv.close();
  }
});
