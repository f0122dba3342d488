/** The built-in provider `debootstrap` for real, from the mirror of this machine's apt, and the guest that it makes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestSpec } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELFTEST_LINE } from '../../packages/agent/src/os/boot-kit/init-script.ts';
import { selftestArgs } from '../../packages/agent/src/os/boot-kit/kernel-args.ts';
import { createNodeOs, type NodeOs } from '../../packages/agent/src/os/create-os.ts';
import { run } from '../../packages/agent/src/process/run.ts';
import { LIMIT_MS } from '../lab/wait.ts';
import { createDisk, mountsNaming, osDisk, processesNaming } from './support/os-disk.ts';

const signal = new AbortController().signal;
const quiet = () => undefined;
const parameters = { console_login: 'root' };
let dir: string;
let cache: string;
let os: NodeOs;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-debootstrap-'));
  cache = join(dir, 'cache');
  os = createNodeOs({ cacheDir: cache, now: Date.now, uuid: randomUUID });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Of one agent each; the cache is shared. */
const state = (agent = 'a') => join(dir, `state-${agent}`);
const diskNames = async (cluster: string, agent = 'a') =>
  readdir(join(state(agent), 'agent/storage', cluster, 'disks')).catch(() => []);
const built = () => readdir(join(cache, 'debootstrap')).catch(() => []);

const QEMU = ['-accel', 'tcg', '-cpu', 'max', '-m', '512', '-nodefaults', '-display', 'none', '-no-reboot'];

describe('the kernel for guests', () => {
  it('is obtained once for all who want it, and boots to its line', async () => {
    const other = createNodeOs({ cacheDir: cache, now: Date.now, uuid: randomUUID });
    const said: string[] = [];
    const log = (_: string, text: string) => said.push(text);
    const [kit, same] = await Promise.all([os, other].map(({ bootKits }) => bootKits.current(log, signal)));
    expect(same).toEqual(kit);
    expect(said.filter((line) => line.startsWith('downloading'))).toHaveLength(1);
    const boot = ['-serial', 'stdio', '-kernel', kit?.kernel ?? '', '-initrd', kit?.initrd ?? ''];
    const qemu = ['qemu-system-x86_64', ...QEMU, ...boot, '-append', selftestArgs('tcg')] as const;
    const { stdout } = await run(qemu, { timeoutMs: LIMIT_MS });
    expect(stdout).toContain(SELFTEST_LINE);
  });
});

describe('bad input', () => {
  const refused = async (given: Record<string, string>) => {
    const spec = osDisk('debootstrap', given);
    const { error } = await createDisk(state(), cache, spec).result;
    expect(await diskNames(spec.cluster)).toEqual([]);
    expect((await built()).filter((name) => name.endsWith('.work'))).toEqual([]);
    return error;
  };
  it('a mirror where nobody is', async () => {
    expect(await refused({ mirror: 'http://127.0.0.1:1/debian' })).toMatchObject({
      code: 'mirror_unreachable',
    });
  });
  it('a mirror that takes the call and says nothing', async () => {
    const server = createServer();
    await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
    const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`;
    expect(await refused({ mirror })).toMatchObject({
      code: 'mirror_unreachable',
      message: expect.stringContaining('no answer within 15 s') as string,
    });
    server.close();
  });
  it('a suite that does not exist', async () => {
    expect(await refused({ suite: 'nosuchsuite' })).toMatchObject({ code: 'invalid_argument' });
    expect(await refused({ suite: 'woody', keyring: '/dev/null' })).toMatchObject({
      code: 'invalid_argument',
    });
    expect(await refused({ suite: 'sid.' })).toMatchObject({ code: 'invalid_argument' });
  });
  it('a suite of which debootstrap knows no keyring, from a mirror of the user’s', async () => {
    expect(await refused({ suite: 'warty', mirror: 'http://127.0.0.1:1/hostile' })).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('sign') as string,
    });
  });
  it('a parameter with a typing mistake', async () => {
    expect(await refused({ siute: 'sid' })).toMatchObject({ code: 'invalid_argument' });
  });
});

describe('a base image', () => {
  it('killed while it is built leaves nothing running or mounted', async () => {
    const spec = osDisk('debootstrap', parameters);
    const creation = createDisk(state(), cache, spec);
    await creation.said(/Installing core packages/); // proc is mounted in the new root by now
    creation.kill('SIGKILL');
    await creation.result;
    await expect.poll(() => processesNaming(cache), { timeout: LIMIT_MS }).toEqual([]);
    expect(mountsNaming(cache)).toEqual([]);
    expect(await diskNames(spec.cluster)).toEqual([]);
  });

  it('stopped while it is built leaves nothing at all', async () => {
    const spec = osDisk('debootstrap', parameters);
    const creation = createDisk(state(), cache, spec);
    await creation.said(/Extracting/);
    creation.kill('SIGTERM');
    expect((await creation.result).error).toBeDefined();
    // one that was killed is seen until it has had its turn
    await expect.poll(() => processesNaming(cache), { timeout: LIMIT_MS }).toEqual([]);
    expect((await built()).filter((name) => name.endsWith('.work'))).toEqual([]);
    expect(await diskNames(spec.cluster)).toEqual([]);
  });

  it('is built once for two who want it at once, and serves at once afterwards', async () => {
    const first = osDisk('debootstrap', parameters);
    const second = osDisk('debootstrap', parameters, { cluster: first.cluster, template: 'file-raw' });
    const both = [createDisk(state('a'), cache, first), createDisk(state('b'), cache, second)];
    for (const { result } of both) expect(await result).toMatchObject({ outcome: {} });
    const log = both.flatMap((creation) => creation.log);
    expect(log.filter((line) => line.startsWith('base image of bookworm built'))).toHaveLength(1);
    expect(log).toContain('waiting for another build of the same base image');
    const third = createDisk(state(), cache, osDisk('debootstrap', parameters, { cluster: first.cluster }));
    expect(await third.result).toMatchObject({ outcome: {} });
    expect(third.log).toEqual([]);
    expect(await diskNames(first.cluster)).toHaveLength(2);
    expect(await diskNames(first.cluster, 'b')).toEqual([`${second.disk}.ready.raw`]);
    expect((await built()).filter((name) => name.endsWith('.raw'))).toHaveLength(1);
  });
});

describe('a guest', () => {
  it('boots, is reached by its key, knows who it is, and has the size of its disk', async () => {
    const spec = osDisk('debootstrap', parameters, { sizeBytes: 5 * 2 ** 30 });
    expect(await createDisk(state(), cache, spec).result).toMatchObject({ outcome: {} });
    const disk = join(state(), 'agent/storage', spec.cluster, 'disks', `${spec.disk}.ready.qcow2`);
    const key = join(dir, 'key');
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const guest = guestSpec((await readFile(`${key}.pub`, 'utf8')).trim());
    const folder = join(dir, 'guest');
    await mkdir(folder);
    const boot = await os.bootFiles.prepare(guest, folder, { accelerator: 'tcg', log: quiet, signal });
    const port = await freePort();
    const qemu = startQemu(disk, boot, port);
    try {
      const ask = (command: string, connectS = 60) => ssh(key, port, command, connectS);
      let patienceS = 5;
      await expect
        .poll(() => ask('hostname', patienceS++).catch(() => ''), { timeout: LIMIT_MS, interval: 500 })
        .toBe('web\n');
      expect(await ask('cat /etc/machine-id')).toBe('0a0b0c0d111142228333444444444444\n');
      expect(await ask('ip -4 -o addr show eth0')).toContain('10.0.2.15/24');
      expect(await ask('cut -d" " -f4 /etc/ssh/ssh_host_ed25519_key.pub; ls /etc/ssh/ssh_host_*')).toContain(
        'ed25519',
      );
      expect(await ask('systemctl is-system-running --wait || systemctl --failed')).toBe('running\n');
      expect(Number(await ask('df --output=size -BM / | tail -1 | tr -dc 0-9'))).toBeGreaterThan(4800);
      expect(await ask('lsmod | grep -c virtio_console; ls /lib/modules')).toContain('cloud');
      expect(await ask('sshd -T | grep -E "^(permitrootlogin|passwordauthentication)"')).toBe(
        'permitrootlogin without-password\npasswordauthentication no\n',
      );
    } finally {
      qemu.kill();
    }
  });
});

const guestSpec = (key: string): GuestSpec =>
  ({
    instance: '0a0b0c0d-1111-4222-8333-444444444444',
    input: {
      name: 'web',
      boot: { kernel: 'node' },
      cloudInit: false,
      nics: [
        {
          bridge: 'none',
          mac: '52:54:00:00:00:01',
          ipv4: '10.0.2.15',
          prefix: 24,
          gateway: '10.0.2.2',
          dhcp: false,
        },
      ],
      personality: { sshKeys: [key] },
    },
  }) as unknown as GuestSpec;

function startQemu(
  disk: string,
  boot: { kernel?: string; initrd?: string; kernelArgs?: string },
  port: number,
): ChildProcess {
  const devices = [
    `-drive=file=${disk},format=qcow2,if=virtio`,
    `-netdev=user,id=n0,hostfwd=tcp:127.0.0.1:${port}-:22`,
    '-device=virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01',
    '-device=virtio-rng-pci',
    '-device=virtio-serial-pci',
    `-kernel=${boot.kernel}`,
    `-initrd=${boot.initrd}`,
    `-append=${boot.kernelArgs}`,
  ].flatMap((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]);
  return spawn('qemu-system-x86_64', [...QEMU, ...devices], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** An emulated guest works seconds on a handshake; one that is not up yet is better asked again soon. */
async function ssh(key: string, port: number, command: string, connectS: number): Promise<string> {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    `ConnectTimeout=${connectS}`,
  ];
  const argv = ['-q', '-i', key, '-p', String(port), ...options.flatMap((option) => ['-o', option])];
  return (await run(['ssh', ...argv, 'root@127.0.0.1', command], { timeoutMs: LIMIT_MS })).stdout;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
  const { port } = server.address() as AddressInfo;
  await new Promise((go) => server.close(go));
  return port;
}
