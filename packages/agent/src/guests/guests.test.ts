import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virErrorDomain, virErrorNumber } from '@gantry/libvirt';
import {
  type FakeHypervisor,
  type FakeLibvirtd,
  fakeHypervisor,
  refusal,
  startFakeLibvirtd,
} from '@gantry/libvirt/testing';
import type { GuestInput, GuestSpec } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DomainHappening } from '../env.ts';
import { guestOf, ids } from '../testing/assignments.ts';
import { createGuests, type Guests } from './guests.ts';

const CAPABILITIES = `<capabilities><host><cpu><arch>x86_64</arch></cpu><secmodel><model>dac</model>
  <baselabel type='kvm'>+${process.getuid?.() ?? 0}:+${process.getgid?.() ?? 0}</baselabel></secmodel></host>
  <guest><os_type>hvm</os_type><arch name='i686'><emulator>/usr/bin/qemu-system-i386</emulator></arch></guest>
  <guest><os_type>hvm</os_type><arch name='x86_64'><emulator>/usr/bin/qemu-system-x86_64</emulator>
  <domain type='qemu'/><machine canonical='pc-i440fx-7.2'>pc</machine><machine>q35</machine></arch></guest></capabilities>`;

const quiet = () => {};
const signal = new AbortController().signal;
const clock = {
  now: () => 0,
  bootMs: () => 0,
  sleep: (ms: number, stop?: AbortSignal) =>
    new Promise<void>((resolve) => {
      // what is waited for patiently is here at once, or never
      setTimeout(resolve, ms < 30_000 ? Math.min(ms, 20) : ms).unref();
      stop?.addEventListener('abort', () => resolve(), { once: true });
    }),
};

let dir: string;
let daemon: FakeLibvirtd;
let hypervisor: FakeHypervisor;
let guests: Guests;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gg-'));
  const socket = join(dir, 'sock');
  hypervisor = fakeHypervisor(
    (event) => daemon.emit(event),
    () => ids.node,
  );
  daemon = await startFakeLibvirtd(socket, {
    ...hypervisor.handlers,
    connectGetCapabilities: () => CAPABILITIES,
  });
  await writeFile(join(dir, 'disk.qcow2'), '');
  guests = createGuests({
    taps: async () => [],
    stateDir: dir,
    socket,
    clock,
    log: quiet,
    membership: () => ({ cluster: ids.cluster, node: 'node1' }),
    hardware: async () => undefined,
    accelerator: async () => 'tcg',
    disks: async () => [
      { disk: ids.disk, state: 'ready', template: 'file-qcow2', path: join(dir, 'disk.qcow2') },
    ],
    bases: async () => [],
    bootFiles: {
      prepare: async (spec, folder) => bootOf(spec, folder),
      foresee: bootOf,
    },
  });
});

afterEach(async () => {
  await guests.close();
  await daemon.stop();
  await rm(dir, { recursive: true });
});

const bootOf = ({ input }: GuestSpec, folder: string) => ({
  kernel: join(folder, 'kernel'),
  kernelArgs: `root=${input.boot.root}`,
});
const spec = (change: Partial<GuestSpec> = {}): GuestSpec => guestOf(change).spec;
const start = (change: Partial<GuestSpec> = {}) =>
  guests.perform['guest.start']({ do: 'guest.start', spec: spec(change), because: 'wanted' }, quiet, signal);
const perform = (what: 'guest.shutdown' | 'guest.destroy' | 'guest.remove') =>
  guests.perform[what]({ do: what, instance: ids.instance } as never, quiet, signal);
const calls = (name: string) => daemon.calls.filter((call) => call.name === name).length;
const seen = async () => (await guests.observe()).domains[0];
/** As somebody with virsh would. */
const define = async (xml: string) => hypervisor.handlers.domainDefineXmlFlags?.({ xml, flags: 0 });
const foreign = (name: string, uuid: string) =>
  define(`<domain><name>${name}</name><uuid>${uuid}</uuid><memory>1048576</memory></domain>`);

describe('start', () => {
  test('defines and starts the guest, and it is seen as ours', async () => {
    await start();
    expect(await seen()).toEqual({
      uuid: ids.instance,
      name: 'web1-00000000',
      state: 'running',
      reason: 'booted',
      memoryMiB: 512,
      accelerator: 'tcg',
      domainId: 1,
      disks: [{ path: expect.stringMatching(/disk.qcow2$/) }],
      nics: expect.any(Array),
      ours: { cluster: ids.cluster, instance: ids.instance, epoch: { incarnation: 1, number: 1 } },
      size: { vcpus: 1, memoryMiB: 128 },
    });
    expect((await guests.observe()).guestFiles).toEqual([ids.instance]);
    const xml = hypervisor.machine.domains.get(ids.instance)?.live?.xml;
    expect(xml).toContain('<cmdline>root=/dev/vda</cmdline>');
    expect(xml).toContain(`<listen type='socket' socket='${guests.paths(ids.instance).vnc}'/>`);
  });

  test('never starts a second one, and leaves the definition of a running one', async () => {
    await start();
    await start({ epoch: { incarnation: 1, number: 2 } });
    expect(calls('domainCreateWithFlags')).toBe(1);
    expect(calls('domainDefineXmlFlags')).toBe(1);
  });

  test('an answer that was lost is looked after', async () => {
    daemon.setFault((name) => (name === 'domainCreateWithFlags' ? 'close-after' : 'answer'));
    await expect(start()).rejects.toMatchObject({ code: 'hypervisor_unreachable' });
    daemon.setFault(() => 'answer');
    await start();
    expect(calls('domainCreateWithFlags')).toBe(1);
    expect((await seen())?.state).toBe('running');
  });

  test('a defined one is started, with the newer epoch', async () => {
    await guests.perform['guest.define']({ do: 'guest.define', spec: spec() }, quiet, signal);
    expect((await seen())?.state).toBe('shutoff');
    await start({ epoch: { incarnation: 1, number: 5 } });
    expect((await seen())?.ours?.epoch.number).toBe(5);
  });

  test('an order of an older binding is refused', async () => {
    await guests.perform['guest.define'](
      { do: 'guest.define', spec: spec({ epoch: { incarnation: 2, number: 1 } }) },
      quiet,
      signal,
    );
    await expect(start({ epoch: { incarnation: 1, number: 9 } })).rejects.toMatchObject({
      code: 'guest_refused',
    });
    expect(calls('domainCreateWithFlags')).toBe(0);
  });

  test('a foreign domain of that id or that name is left alone', async () => {
    await foreign('other', ids.instance);
    await expect(start()).rejects.toMatchObject({ code: 'foreign_domain' });
    for (const what of ['guest.shutdown', 'guest.destroy', 'guest.remove'] as const)
      await expect(perform(what)).rejects.toMatchObject({ code: 'foreign_domain' });
    expect(await seen()).toMatchObject({ name: 'other', memoryMiB: 1024 });
    expect((await seen())?.ours).toBeUndefined();
  });

  test('a name that is taken', async () => {
    await foreign('web1-00000000', ids.node);
    await expect(start()).rejects.toMatchObject({
      code: 'foreign_domain',
      params: { name: 'web1-00000000' },
    });
  });

  test('instances of one name, of two projects, side by side', async () => {
    const other = 'ffffffff-0000-4000-8000-000000000003' as GuestSpec['instance'];
    await start();
    await start({ instance: other });
    const both = (await guests.observe()).domains;
    expect(both.map(({ name, uuid, state }) => [name, uuid, state]).sort()).toEqual([
      ['web1-00000000', ids.instance, 'running'],
      ['web1-ffffffff', other, 'running'],
    ]);
  });

  test('a domain that an earlier release called by the plain name is adopted and keeps it', async () => {
    await guests.perform['guest.define']({ do: 'guest.define', spec: spec() }, quiet, signal);
    const ours = hypervisor.machine.domains.get(ids.instance)?.config?.xml ?? '';
    await perform('guest.remove');
    await define(ours.replace('<name>web1-00000000</name>', '<name>web1</name>'));
    await start();
    expect(await seen()).toMatchObject({ name: 'web1', state: 'running', ours: { instance: ids.instance } });
    await perform('guest.destroy');
    await start({ epoch: { incarnation: 1, number: 2 } });
    expect(await seen()).toMatchObject({ name: 'web1', ours: { epoch: { number: 2 } } });
    await perform('guest.destroy');
    await perform('guest.remove');
    expect(await seen()).toBeUndefined();
  });

  test('a disk that is not ready', async () => {
    const input = {
      ...spec().input,
      disks: [{ id: ids.node as never, template: 'file-raw' as const, sizeBytes: 1 }],
    };
    await expect(start({ input })).rejects.toMatchObject({ code: 'guest_refused' });
    expect(calls('domainDefineXmlFlags')).toBe(0);
  });

  test('autostart that somebody switched on is switched off', async () => {
    await guests.perform['guest.define']({ do: 'guest.define', spec: spec() }, quiet, signal);
    await hypervisor.handlers.domainSetAutostart?.({
      dom: { name: 'web1-00000000', uuid: ids.instance, id: -1 },
      autostart: true,
    });
    await start();
    expect(hypervisor.machine.domains.get(ids.instance)?.autostart).toBe(false);
  });

  test('what libvirt refuses is told in its words', async () => {
    daemon.on('domainDefineXmlFlags', () => {
      throw refusal(
        virErrorNumber.VIR_ERR_CONFIG_UNSUPPORTED,
        virErrorDomain.VIR_FROM_QEMU,
        'no such device',
      );
    });
    await expect(start()).rejects.toMatchObject({
      code: 'config_refused',
      params: { message: 'no such device' },
    });
  });
});

describe('stop and remove', () => {
  test('shutdown presses the power button; a guest that is off needs nothing', async () => {
    await start();
    await perform('guest.shutdown');
    expect(await seen()).toMatchObject({ state: 'shutoff', reason: 'shutdown' });
    await perform('guest.shutdown');
    expect(calls('domainShutdownFlags')).toBe(1);
  });

  test('the agent is asked first, once; one that does not answer is passed over', async () => {
    await start();
    const live = hypervisor.machine.domains.get(ids.instance)?.live?.xml ?? '';
    daemon.on('domainGetXmlDesc', () =>
      live.replace("name='org.qemu.guest_agent.0'", "name='org.qemu.guest_agent.0' state='connected'"),
    );
    const flags: number[] = [];
    daemon.on('domainShutdownFlags', ({ flags: asked }) => {
      flags.push(asked);
      if (asked === 2)
        throw refusal(virErrorNumber.VIR_ERR_AGENT_UNRESPONSIVE, virErrorDomain.VIR_FROM_QEMU, 'no answer');
    });
    await perform('guest.shutdown');
    await perform('guest.shutdown');
    expect(flags).toEqual([2, 1, 1]);
  });

  test('destroy, twice', async () => {
    await start();
    await perform('guest.destroy');
    await perform('guest.destroy');
    expect(await seen()).toMatchObject({ state: 'shutoff', reason: 'destroyed' });
    expect(calls('domainDestroyFlags')).toBe(1);
  });

  test('remove takes domain and files, and is done when nothing is there', async () => {
    await start();
    await expect(perform('guest.remove')).rejects.toMatchObject({ code: 'wrong_state' });
    await perform('guest.destroy');
    await perform('guest.remove');
    await perform('guest.remove');
    expect(await guests.observe()).toEqual({ libvirt: true, copies: [], domains: [], guestFiles: [] });
  });

  test('files that a crash left behind are seen and removed', async () => {
    await mkdir(join(dir, 'agent', 'guests', ids.instance), { recursive: true });
    expect((await guests.observe()).guestFiles).toEqual([ids.instance]);
    await perform('guest.remove');
    expect((await guests.observe()).guestFiles).toEqual([]);
  });
});

describe('acts', () => {
  const act = (kind: 'guest.reboot' | 'guest.reset', number = 1) =>
    guests.perform['act.perform'](
      {
        do: 'act.perform',
        act: ids.act,
        action: { kind, instance: ids.instance, epoch: { incarnation: 1, number } },
      },
      quiet,
      signal,
    );

  test('reboot and reset a running guest', async () => {
    await start();
    await act('guest.reboot');
    await act('guest.reset');
    expect([calls('domainReboot'), calls('domainReset')]).toEqual([1, 1]);
  });

  test('are refused on a stopped guest and with an older epoch', async () => {
    await expect(act('guest.reset')).rejects.toMatchObject({ code: 'wrong_state' });
    await start({ epoch: { incarnation: 1, number: 3 } });
    await expect(act('guest.reset', 2)).rejects.toMatchObject({ code: 'guest_refused' });
    expect(calls('domainReset')).toBe(0);
  });
});

describe('looking', () => {
  test('XML is read once, state every time, and anew after an event', async () => {
    await start();
    await guests.observe();
    const before = calls('domainGetXmlDesc');
    await guests.observe();
    expect(calls('domainGetXmlDesc')).toBe(before);
    hypervisor.guestPoweroff(ids.instance);
    expect(await seen()).toMatchObject({ state: 'shutoff', reason: 'shutdown' });
    await seen();
    await expect.poll(() => calls('domainGetXmlDesc')).toBeGreaterThan(before);
  });

  test('a libvirt that is away is said, and found again', async () => {
    await start();
    daemon.setFault(() => 'close-before');
    await expect.poll(async () => (await guests.observe()).libvirt).toBe(false);
    daemon.setFault(() => 'answer');
    await expect.poll(async () => (await seen())?.state).toBe('running');
  });

  test('a domain with metadata that cannot be read is foreign', async () => {
    await foreign('x', ids.node);
    daemon.on('domainGetXmlDesc', () => '<!DOCTYPE x [<!ENTITY a "b">]><domain>&a;</domain>');
    expect((await seen())?.ours).toBeUndefined();
  });

  test('a domain that claims another’s identity is foreign', async () => {
    await start();
    const live = hypervisor.machine.domains.get(ids.instance)?.live?.xml ?? '';
    await perform('guest.destroy');
    await perform('guest.remove');
    await define(live.replace(`<uuid>${ids.instance}</uuid>`, `<uuid>${ids.node}</uuid>`));
    expect(await seen()).toMatchObject({ uuid: ids.node });
    expect((await seen())?.ours).toBeUndefined();
  });
});

test('each element is explained, also after a restart of the agent', async () => {
  await start();
  const explained = await guests.explain(ids.instance);
  expect(explained?.find((entry) => entry.path === '/domain/devices/rng')?.level).toBe('builtin');
  const record = JSON.parse(
    await readFile(join(dir, 'agent', 'guests', ids.instance, 'record.json'), 'utf8'),
  );
  expect(record.hardware).toEqual({ asked: 'pc', machineType: 'pc' });
  expect(await guests.explain(ids.node)).toBeUndefined();
});

test('UEFI variables stay as long as they are of the system on its disk', async () => {
  const file = join(dir, 'agent', 'guests', ids.instance, 'uefi-variables.fd');
  const restart = async (variablesOf?: string) => {
    const { input } = guestOf().spec;
    await start({ input: { ...input, ...(variablesOf ? { variablesOf } : {}) } as GuestInput });
    const there = await readFile(file, 'utf8').catch(() => 'none');
    await perform('guest.destroy');
    await writeFile(file, 'variables');
    return there;
  };
  await restart();
  expect(await restart()).toBe('variables');
  expect(await restart(ids.disk)).toBe('none');
  expect(await restart(ids.disk)).toBe('variables');
  expect(await restart(ids.node)).toBe('none');
});

test('QEMU’s user may pass the guest’s folder, and write in run only', async () => {
  await start();
  const folder = join(dir, 'agent', 'guests', ids.instance);
  expect((await stat(folder)).mode & 0o777).toBe(0o711);
  expect((await stat(join(folder, 'run'))).mode & 0o777).toBe(0o770);
});

test('happenings are told, also after libvirt was away', async () => {
  const stop = new AbortController();
  const told: DomainHappening[] = [];
  const watching = guests.watch((happening) => told.push(happening), stop.signal);
  const whats = () => told.filter((h) => h.uuid !== '').map((h) => h.what);
  await expect.poll(() => told.length).toBe(1);
  await start();
  hypervisor.guestReboot(ids.instance);
  hypervisor.guestCrash(ids.instance);
  await expect.poll(whats).toContain('panic');
  expect(whats().filter((what) => what !== 'other')).toEqual(['started', 'guest-reboot', 'panic']);
  daemon.dropConnections();
  await expect.poll(() => told.filter((h) => h.detail === 'libvirt is connected').length).toBe(2);
  await start();
  hypervisor.hypervisorDied(ids.instance);
  await expect.poll(() => whats().at(-1)).toBe('crash');
  stop.abort();
  await watching;
});

test('a NIC of an attach that was taken back is taken out, though the settings know it no more', async () => {
  await start();
  const { domainGetXmlDesc } = hypervisor.handlers;
  let alias = "<alias name='net0'/></interface>";
  daemon.on('domainGetXmlDesc', async (args) =>
    ((await domainGetXmlDesc?.(args)) ?? '').replace('</interface>', alias),
  );
  daemon.on('domainDetachDeviceAlias', async ({ dom, alias: devAlias }) => {
    alias = '</interface>';
    daemon.emit({ kind: 'deviceRemoved', dom, devAlias: devAlias ?? '' });
  });
  const { input } = spec();
  const plug = { operation: ids.operation, do: 'detach' as const, mac: input.nics[0]?.mac ?? '' };
  const left = { ...spec({ input: { ...input, nics: [] } }), plug };
  const detach = () =>
    guests.perform['guest.detachDevice']({ do: 'guest.detachDevice', spec: left }, quiet, signal);
  await detach();
  expect(calls('domainDetachDeviceAlias')).toBe(1);
});
