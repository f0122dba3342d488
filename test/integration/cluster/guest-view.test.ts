/** Guest hardware as the guest itself, QEMU's command line and the hypervisor's counters show it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance, InstanceStats } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { whileFrozen } from '../../../packages/agent/src/guests/agent-channel.ts';
import { createSession } from '../../../packages/agent/src/guests/session.ts';
import { type Cluster, GANTRY, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { runUntil, succeed } from '../../lab/run.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

/** What the rate permits in these tests. */
const [RATE_BYTES, RATE_S] = [24, 5];
/** As much as there is, while the other tests go on: the guest’s kernel helps itself first, then it is our turn. */
const DRAW = 'dd if=/dev/hwrng of=/root/random bs=8';
let drawnSince = 0;

let cluster: Cluster;
let meaning: string;
const address: Record<string, string> = {};

beforeAll(async () => {
  cluster = await startCluster();
  const tiny = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await cluster.ok('image', 'import', tiny, 'tiny');
  const size = ['--vcpus', '1', '--memory', '512M', '--disk', '2G'];
  await cluster.ok('flavor', 'create', 'rated', ...size, '--property', 'hw:pmu=false');
  const set = await cluster.gantry(['flavor', 'set', 'rated', '--rng', `${RATE_BYTES}B/${RATE_S}s`]);
  meaning = set.stderr;
  await cluster.ok(
    'flavor',
    'create',
    'dry',
    ...size,
    '--rng',
    'off',
    '--property',
    'hw:hide_hypervisor_id=true',
  );
  await Promise.all([debian('rated', '--disk', '2G', '--disk', '64M'), debian('dry')]);
  drawnSince = performance.now();
  await inGuest('rated', `nohup ${DRAW} >/dev/null 2>&1 &`);
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

/** A Debian guest named as its flavor. */
async function debian(name: string, ...more: string[]): Promise<void> {
  const given = ['--flavor', name, '--ssh-key', `${cluster.sshKey}.pub`, '--until', 'ssh', ...more];
  await cluster.ok('instance', 'create', name, '--image', 'debian/12', ...given);
  address[name] = (await show(name)).spec.nics[0]?.ipv4 ?? '';
}
const show = (name: string) => cluster.json<Instance>('instance', 'show', name);
const shown = (name: string) => cluster.ok('instance', 'show', name);
const inGuest = async (name: string, command: string) => {
  const { code, stdout, stderr } = await cluster.ssh(address[name] ?? '', command);
  if (code !== 0) throw new Error(`${command}: ${code} ${stderr}`);
  return stdout.trim();
};
const qemuOf = async (name: string) => {
  const { id } = await show(name);
  const found = (await cluster.processes('qemu')).find(({ commandLine }) => commandLine.includes(id));
  if (!found) throw new Error(`${name} does not run`);
  return found.commandLine.split('\0');
};
const optionOf = (argv: readonly string[], option: string) => argv[argv.indexOf(option) + 1] ?? '';
const temporary = async (name: string, ...more: string[]) => {
  onTestFinished(async () => {
    await cluster.gantry(['instance', 'delete', name, '--yes']);
  });
  const size = ['--vcpus', '1', '--memory', '32M', '--disk', '1M'];
  return await cluster.gantry(['instance', 'create', name, '--image', 'tiny', ...size, ...more]);
};

describe('entropy', () => {
  test('the rate is explained where it is set', () => {
    expect(meaning).toContain('24 B per 5000 ms = 4.8 B/s, burst 24 B, a guest waits at most 5 s');
  });

  test('a flavor that forbids it: the guest has no source', async () => {
    expect(await inGuest('rated', 'cat /sys/class/misc/hw_random/rng_available')).toContain('virtio_rng');
    expect(await inGuest('dry', 'cat /sys/class/misc/hw_random/rng_available')).not.toContain('virtio_rng');
    expect((await qemuOf('dry')).join(' ')).not.toContain('virtio-rng');
  });
});

test('each disk is known in the guest by the first 20 characters of its id', async () => {
  const { spec } = await show('rated');
  const wanted = spec.disks.map((id) => `virtio-${id.slice(0, 20)}`);
  expect(wanted).toHaveLength(2);
  // udev may be at work yet
  await until('all of them', async () => {
    const seen = (await inGuest('rated', 'ls /dev/disk/by-id')).split('\n');
    return wanted.every((name) => seen.includes(name));
  });
});

describe('CPU', () => {
  test('vPMU off and hidden hypervisor, on the command line of QEMU', async () => {
    expect(optionOf(await qemuOf('rated'), '-cpu')).toMatch(/(^|,)pmu=off(,|$)/);
    expect(optionOf(await qemuOf('dry'), '-cpu')).toMatch(/(^|,)kvm=off(,|$)/);
    expect(optionOf(await qemuOf('dry'), '-cpu')).not.toContain('pmu=');
  });

  test.each([
    ['none', [], undefined],
    ['maximum', [], /^max(,|$)/],
    ['maximum', ['--cpu-flag', '-avx2'], /^max,.*avx2=off/],
    [
      'custom',
      ['--cpu-model', 'Nehalem', '--cpu-flag', '+aes', '--cpu-flag=-ssse3'],
      /^Nehalem,.*(aes=on.*ssse3=off|ssse3=off.*aes=on)/,
    ],
    ['host-model', [], /^(?!host)[A-Za-z0-9-]+/],
  ] as const)('mode %s %j', async (mode, more, wanted) => {
    const { code, stderr } = await temporary('cpu', '--cpu-mode', mode, ...more);
    expect(code, stderr).toBe(0);
    const argv = await qemuOf('cpu');
    if (wanted) expect(optionOf(argv, '-cpu')).toMatch(wanted);
    else expect(argv.includes('-cpu') ? optionOf(argv, '-cpu') : 'qemu64').toMatch(/^qemu64/);
  });

  test('host-passthrough needs KVM: refused with the reason', async () => {
    const { code, stderr } = await temporary('cpu', '--cpu-mode', 'host-passthrough', '--deadline', '20s');
    expect(code).not.toBe(0);
    expect(stderr).toContain('cpuMode=host-passthrough needs KVM, and this node runs guests by emulation');
  });

  test('a feature that emulation lacks: refused with cpuEnforce, left out without', async () => {
    const model = ['--cpu-mode', 'custom', '--cpu-model', 'Nehalem', '--cpu-flag', '+avx512f'];
    const { code, stderr } = await temporary('strict', ...model, '--cpu-enforce', 'yes');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/avx512f/);
    expect((await temporary('lax', ...model)).code).toBe(0);
  });
});

describe('timers', () => {
  test('RTC catches up, no HPET; with hw_time_hpet there is one', async () => {
    const argv = await qemuOf('rated');
    expect(optionOf(argv, '-rtc')).toContain('driftfix=slew');
    expect(argv.join(' ')).toMatch(/-no-hpet|hpet=off/);
    await cluster.ok('image', 'set', 'tiny', '--property', 'hw_time_hpet=true');
    onTestFinished(async () => {
      await cluster.ok('image', 'set', 'tiny', '--unset', 'hw_time_hpet');
    });
    expect((await temporary('hpet')).code).toBe(0);
    expect((await qemuOf('hpet')).join(' ')).not.toMatch(/-no-hpet|hpet=off/);
  });
});

describe('counters', () => {
  /** Of a guest whose QEMU is busy, or whose balloon has not told anything yet, less is known. */
  const statsOf = (name: string) =>
    until(`all counters of ${name}`, async () => {
      const stats = await cluster.json<InstanceStats>('instance', 'stats', name);
      return stats.disks.length > 0 && stats.memory.usableBytes !== undefined && stats;
    });

  test('disk and NIC count what the guest does', async () => {
    const before = await statsOf('rated');
    const { spec } = await show('rated');
    expect(before.disks.map(({ device, disk }) => [device, disk])).toEqual([
      ['vda', spec.disks[0]],
      ['vdb', spec.disks[1]],
    ]);
    await inGuest('rated', 'dd if=/dev/vdb of=/dev/null bs=1M count=32 iflag=direct 2>/dev/null');
    const after = await statsOf('rated');
    const grown = (after.disks[1]?.readBytes ?? 0) - (before.disks[1]?.readBytes ?? 0);
    expect(grown).toBeGreaterThanOrEqual(32 * 2 ** 20);
    expect(after.nics[0]?.receivedBytes).toBeGreaterThan(before.nics[0]?.receivedBytes ?? 0);
    expect(after.cpu.timeMs).toBeGreaterThan(before.cpu.timeMs);
    expect(after.memory).toMatchObject({ currentBytes: 2 ** 29, maximumBytes: 2 ** 29 });
    expect(after.memory.usableBytes).toBeLessThan(2 ** 29); // the guest's own word, through the balloon
    expect(after.disks[1]?.capacityBytes).toBe(64 * 2 ** 20);
  });

  test('for people: one line each, or one with its devices; again and again with rates', async () => {
    expect(await cluster.ok('instance', 'stats')).toMatch(
      /^NAME .*\ndry +node1 .*\nrated +node1 +\S+ .* 512 MiB /,
    );
    expect(await cluster.ok('instance', 'stats', 'rated')).toMatch(
      /Disks\n {2}DISK .*\n {2}vda [\s\S]*Networks\n {2}NIC/,
    );
    const watch = [GANTRY, 'instance', 'stats', '--watch', '--every', '1s'];
    await runUntil(/^rated +node1 +\d+\.\d % .* B\/s/m, watch, cluster.env);
    const twice = await runUntil(/\n.*\n/, [...watch, '-o', 'json'], cluster.env);
    for (const line of twice.trim().split('\n')) expect(JSON.parse(line)).toHaveLength(2);
  });

  test('what does not run has none', async () => {
    expect((await temporary('idle', '--stopped')).code).toBe(0);
    expect(await cluster.gantry(['instance', 'stats', 'idle'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('[wrong_state]'),
    });
    expect((await cluster.json<InstanceStats[]>('instance', 'stats')).map(({ name }) => name)).not.toContain(
      'idle',
    );
  });
});

describe('guest agent', () => {
  /** An agent that is slow, as the guest is, misses its time now and then; what is asked for here may be asked again. */
  const answered = (words: string[], options = {}) =>
    until(`an answer to ${words.join(' ')}`, async () => {
      const { code, stderr } = await cluster.gantry(['instance', ...words], options);
      if (code !== 0) throw new Error(stderr);
      return true;
    });

  /** What became of it, once the agent was not late for it. */
  const inTime = (words: string[]) =>
    until(`${words.join(' ')} in time`, async () => {
      const ran = await cluster.gantry(['instance', ...words]);
      return !/does not answer|did not answer/.test(ran.stderr) && ran;
    });

  test('it answers, and its addresses and file systems are shown', async () => {
    const ping = await until('it answers', async () => {
      const { code, stdout } = await cluster.gantry(['instance', 'ping', 'rated']);
      return code === 0 && stdout;
    });
    expect(ping).toMatch(/answered in \d+/);
    // an agent that is late once counts as silent until it is asked again
    const told = [
      /guest agent {2}answers/,
      new RegExp(`^ {2}eth0 +52:54:\\S+ +.*${address['rated']}/24`, 'm'),
      /^ {2}\/ +vda +ext4$/m,
    ];
    await until('it is shown', async () => {
      const text = await shown('rated');
      return told.every((one) => one.test(text));
    });
  });

  test('password and ssh key', async () => {
    const input = 'correct horse, battery\n';
    await answered(['set-password', 'rated'], { input });
    const check = `perl -e '$h = (getpwnam(q(root)))[1]; print crypt(q(correct horse, battery), $h) eq $h ? q(same) : q(other)'`;
    expect(await inGuest('rated', check)).toBe('same');
    const key = join(cluster.dir, 'second');
    await succeed(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await answered(['add-ssh-key', 'rated', '--ssh-key', `${key}.pub`]);
    const authorized = await inGuest('rated', 'cat /root/.ssh/authorized_keys');
    for (const file of [`${key}.pub`, `${cluster.sshKey}.pub`])
      expect(authorized).toContain((await readFile(file, 'utf8')).trim());
    const events = await cluster.ok('event', 'list');
    expect(events).toMatch(/set the password of root in instance rated/);
    expect(events).not.toContain('battery');
    const bad = await cluster.gantry(['instance', 'set-password', 'rated', '--user', 'no such'], { input });
    expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('/user') });
    const stranger = ['instance', 'set-password', 'rated', '--user', 'nobody9'];
    const unknown = await cluster.gantry(stranger, { input });
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('[guest_agent]') });
  });

  test('commands run inside, without a shell between', async () => {
    const exec = (...words: string[]) => inTime(['exec', 'rated', ...words]);
    expect(await exec('--', 'echo', '$HOME; reboot')).toMatchObject({ code: 0, stdout: '$HOME; reboot\n' });
    const failing = await exec('--', 'sh', '-c', 'echo out; echo oops >&2; exit 7');
    expect(failing).toMatchObject({
      code: 1,
      stdout: 'out\n',
      stderr: expect.stringContaining('exit code 7'),
    });
    expect(failing.stderr).toMatch(/^oops$/m);
    const input = join(cluster.dir, 'input');
    await writeFile(input, 'twelve bytes');
    expect((await exec('--input', input, '--', 'wc', '-c')).stdout.trim()).toBe('12');
    expect(await exec('--timeout', '1s', '--', 'sleep', '4321')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('its time was over'),
    });
    const left = () => inGuest('rated', 'pgrep -fx "sleep 4321" || echo none');
    await until('its end', async () => (await left()) === 'none');
    expect((await exec('--', '/no/such/program')).stderr).toContain('[guest_agent]');
    expect(await cluster.ok('event', 'list')).toContain('run in instance rated: ["echo","$HOME; reboot"]');
  });

  test('an image may forbid commands', async () => {
    const forbid = String.raw`printf '[general]\nblacklist=guest-exec\n' > /etc/qemu/qemu-ga.conf`;
    await inGuest('dry', `mkdir -p /etc/qemu && ${forbid} && systemctl restart qemu-guest-agent`);
    await until('it answers', async () => (await cluster.gantry(['instance', 'ping', 'dry'])).code === 0);
    expect(await inTime(['exec', 'dry', '--', 'true'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/disabled.*\[guest_agent\]/s),
    });
  });

  test('frozen file systems take no writes, and are thawed whatever happens', async () => {
    const session = createSession({
      uri: 'qemu:///system',
      socket: join(cluster.dir, 'libvirt', 'run', 'libvirt-sock'),
      clock: { now: Date.now, bootMs: () => performance.now(), sleep: () => Promise.resolve() },
      log: () => undefined,
    });
    onTestFinished(() => session.close());
    const { id } = await cluster.json<{ id: string }>('cluster', 'show');
    const parts = { session, member: { cluster: id, node: 'node1' } };
    const instance = (await show('rated')).id;
    const writer = 'while :; do date +%s%N >> /root/ticks; sync /root/ticks; sleep 0.2; done';
    await inGuest('rated', `setsid sh -c '${writer}' </dev/null >/dev/null 2>&1 & echo $! > /run/writer.pid`);
    const ticksOf = async () => (await inGuest('rated', 'cat /root/ticks')).split('\n');
    await until('it writes', async () => (await ticksOf()).length > 2);
    const { frozen } = await until('a pause', () => whileFrozen(instance, parts, () => sleep(8000)));
    expect(frozen).toBe(1);
    const fail = () => Promise.reject(new Error('no snapshot'));
    const failure = () => whileFrozen(instance, parts, fail).catch(String);
    await until('the failure of what was to be done', async () => /no snapshot/.test(`${await failure()}`));
    const ticks = await ticksOf();
    const gaps = ticks.slice(1).map((tick, i) => (Number(tick) - Number(ticks[i])) / 1e6);
    // by the guest’s clock, which is slow where others work too
    expect(Math.max(...gaps)).toBeGreaterThan(3500);
    await until('it writes again', async () => (await ticksOf()).length > ticks.length);
    await inGuest('rated', 'kill $(cat /run/writer.pid)');
  });

  test.each([
    ['garbage', 'exec cat /dev/urandom >&3'],
    ['an answer without end', 'printf "{\\"return\\": \\"" >&3; exec yes xxxxxxxxxxxxxxxx >&3'],
    ['silence', 'exec cat <&3 >/dev/null'],
  ])('one that answers with %s harms nothing', async (_what, script) => {
    await inGuest(
      'dry',
      'systemctl stop qemu-guest-agent; ! [ -e /run/liar.pid ] || kill $(cat /run/liar.pid); rm -f /run/liar.pid',
    );
    await writeFile(
      join(cluster.dir, 'liar'),
      `echo $$ > /run/liar.pid; exec 3<>/dev/virtio-ports/org.qemu.guest_agent.0\n${script}\n`,
    );
    const text = (await readFile(join(cluster.dir, 'liar'))).toString('base64');
    await inGuest(
      'dry',
      `echo ${text} | base64 -d > /root/liar; setsid sh /root/liar </dev/null >/dev/null 2>&1 & until [ -s /run/liar.pid ]; do sleep 0.1; done`,
    );
    const ping = await cluster.gantry(['instance', 'ping', 'dry']);
    expect(ping).toMatchObject({ code: 1, stderr: expect.stringContaining('[guest_agent]') });
    // Others are served as ever.
    await answered(['ping', 'rated']);
    expect((await cluster.json<InstanceStats[]>('instance', 'stats')).map(({ name }) => name)).toEqual([
      'dry',
      'rated',
    ]);
    const [agent] = await cluster.processes('agent');
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${agent?.hostPid}/status`, 'utf8'));
    expect(Number(rss?.[1])).toBeLessThan(300 * 1024);
  });

  test('a guest whose agent lies is stopped all the same', async () => {
    await cluster.ok('instance', 'stop', 'dry', '--grace', '40s');
    expect((await show('dry')).status.state).toBe('stopped');
  });
});

test('the guest got what the rate permits and no more', async () => {
  const drawn = async () => Number(await inGuest('rated', 'stat -c %s /root/random'));
  const bytes = await until('what a period brings', async () => {
    const seen = await drawn();
    return seen >= RATE_BYTES && seen;
  });
  // by the clock of the machine, not of the guest: an emulated one goes wrong where others work too
  const passedS = (performance.now() - drawnSince) / 1000;
  expect(bytes).toBeLessThanOrEqual(RATE_BYTES * (passedS / RATE_S + 2));
  expect(await inGuest('rated', 'tr -d "\\0" < /root/random | wc -c')).not.toBe('0');
});
