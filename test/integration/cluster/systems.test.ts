/** Where a guest's system comes from: the built-in debootstrap, Debian's package for Ganeti, a cloud image. All boot. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '@gantry/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createNodeOs } from '../../../packages/agent/src/os/create-os.ts';
import { cloudImage } from '../../lab/cloud-image.ts';
import { CACHE, type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { type Inventory, inventory } from '../../lab/inventory.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { succeed } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import { createDisk, osDisk } from '../support/os-disk.ts';

/** Where the package keeps its cache; the cluster's mounts have a folder of tests there. */
const FIXED_CACHE = '/var/cache/ganeti-instance-debootstrap';
const GANETI_CACHE = join(CACHE, 'test-ganeti');

let cluster: Cluster;
let before: Inventory;

beforeAll(async () => {
  await mkdir(FIXED_CACHE, { recursive: true });
  await mkdir(GANETI_CACHE, { recursive: true });
  cluster = await startCluster({
    prepare: async (libvirtd) => {
      await libvirtd.exec(['mount', '--bind', GANETI_CACHE, FIXED_CACHE]);
    },
  });
  before = await inventory(cluster);
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const keys = () => ['--ssh-key', `${cluster.sshKey}.pub`];
async function addressOf(name: string): Promise<string> {
  const { spec } = await cluster.json<Instance>('instance', 'show', name);
  return spec.nics[0]?.ipv4 ?? '';
}
async function deleted(name: string): Promise<void> {
  await cluster.ok('instance', 'delete', name, '--yes');
  expect(await inventory(cluster)).toEqual(before);
}
/** What a test that failed has left would be in the way of the next. */
afterEach(async () => {
  const begun = (await cluster.ok('op', 'list', '--active', '-o', 'name')).split('\n');
  for (const operation of begun.filter(Boolean)) await cluster.ok('op', 'cancel', operation);
  const left = (await cluster.ok('instance', 'list', '-o', 'name')).split('\n').filter(Boolean);
  if (left.length > 0) await cluster.ok('instance', 'delete', ...left, '--yes');
});

describe('the built-in provider', () => {
  const parameters = { extra_pkgs: 'hello', console_login: 'locked' };
  /** The cluster has no way to a mirror: its base is built here, into the cache, as `agent --prepare` does it. */
  beforeAll(async () => {
    const os = createNodeOs({ cacheDir: CACHE, now: Date.now, uuid: randomUUID });
    const { signal } = new AbortController();
    await os.providers.content(osDisk('debootstrap', parameters), () => undefined, signal);
  });

  test('takes parameters, host name, address and keys', async () => {
    const params = Object.entries(parameters).flatMap((pair) => ['--os-param', pair.join('=')]);
    const source = ['--os', 'debootstrap+bookworm', ...params, '--flavor', 'small', '--disk', '3G'];
    const identity = ['--hostname', 'box.example.org', '--nic', 'default,ip=192.168.77.77', ...keys()];
    await cluster.ok('instance', 'create', 'own', ...source, ...identity, '--until', 'ssh');
    const asked = 'hostname --fqdn; ip -4 -o addr show eth0; hello; passwd -S root';
    const { code, stdout, stderr } = await cluster.ssh('192.168.77.77', asked);
    expect(code, stderr).toBe(0);
    const [name, address, greeting, password] = stdout.split('\n');
    expect([name, greeting]).toEqual(['box.example.org', 'Hello, world!']);
    expect(address).toContain('inet 192.168.77.77/24');
    expect(password).toMatch(/^root L /);
    await until('the file system is as large as the disk', async () => {
      const grown = await cluster.ssh('192.168.77.77', 'df -BM --output=size / | tail -1');
      return Number.parseInt(grown.stdout, 10) > 2700;
    });
    await deleted('own');
  });
});

describe('ganeti-instance-debootstrap as Debian ships it', () => {
  /** Its cache, by a real debootstrap outside of the cluster, which has no way to a mirror. */
  beforeAll(async () => {
    if ((await readdir(GANETI_CACHE)).some((name) => /^cache-bookworm-.*\.tar$/.test(name))) return;
    const mounted = ['unshare', '--mount', '--propagation=private', 'sh', '-c'];
    const over = [...mounted, `mount --bind "$0" ${FIXED_CACHE} && exec "$@"`, GANETI_CACHE];
    const state = join(cluster.dir, 'ganeti');
    const disk = osDisk('ganeti-debootstrap', {}, { template: 'file-raw' });
    expect(await createDisk(state, CACHE, disk, over).result).toMatchObject({ outcome: {} });
  });

  test('makes an instance that boots to its address and a login prompt', async () => {
    const source = ['--os', 'ganeti-debootstrap+default', '--flavor', 'small', '--disk', '2G'];
    const { code, stderr } = await cluster.gantry([
      'instance',
      'create',
      'old',
      ...source,
      '--until',
      'ping',
    ]);
    expect(code, stderr).toBe(0);
    await until('a login prompt', async () => /^old login:/m.test(await cluster.ok('logs', 'old')));
    expect(await cluster.exec('ping', '-c', '1', '-W', '60', await addressOf('old'))).toContain('1 received');
    const { spec } = await cluster.json<Instance>('instance', 'show', 'old');
    expect(spec.os).toMatchObject({ provider: 'ganeti-debootstrap', variant: 'default' });
    const operation = /^op (\d+)/m.exec(stderr)?.[1] ?? '';
    expect(await cluster.ok('op', 'show', operation)).toContain('PARTITION_STYLE=none');
    await until('no loop device on any disk', async () => {
      const files = await succeed(['losetup', '--list', '--noheadings', '--raw', '--output', 'BACK-FILE']);
      return !files.includes(cluster.dir);
    });
    await deleted('old');
  });
});

describe('a cloud image, as the README has it', () => {
  const examples = examplesOf('README.md', 'On a machine of your own');
  /** The words of the line that begins with this, with files that there are. */
  async function line(start: string): Promise<string[]> {
    return examples.take(start, {
      'debian-12-genericcloud-amd64.qcow2': await cloudImage(),
      '~/.ssh/id_ed25519.pub': `${cluster.sshKey}.pub`,
    });
  }

  beforeAll(async () => {
    await cluster.ok(...(await line('image import')));
    before = await inventory(cluster);
  });

  test('boots by its own loader, and cloud-init does as the seed says', async () => {
    const userData = join(cluster.dir, 'user-data');
    const wanted = {
      write_files: [{ path: '/etc/from-user-data', content: 'written\n' }],
      runcmd: ['id -un >/etc/ran-as'],
    };
    await writeFile(userData, `#cloud-config\n${JSON.stringify(wanted)}\n`);
    const identity = ['--hostname', 'cloud1', '--user-data', userData];
    const launch = await line('launch debian-cloud');
    expect(examples.left()).toEqual([]);
    const words = [...launch, ...identity, '--until', 'ssh'];
    const { code, stderr } = await cluster.gantry(words);
    expect(code, stderr).toBe(0);
    expect(await cluster.ok('instance', 'show', 'web2')).toMatch(/^boots +from its disk$/m);
    expect(await cluster.ok('logs', 'web2')).toContain('GRUB boots from the disk');

    const address = await addressOf('web2');
    const ssh = (command: string) => cluster.ssh(address, command, 'debian');
    const done = await ssh('cloud-init status --wait');
    expect(done.stdout, done.stderr).toContain('status: done');
    const asked =
      'hostname; cat /etc/from-user-data /etc/ran-as; ip -4 -o addr show eth0; ip route; cloud-id';
    const { stdout } = await ssh(asked);
    expect(stdout).toMatch(/^cloud1\nwritten\nroot\n/);
    expect(stdout).toContain(`inet ${address}/24`);
    expect(stdout).toMatch(/^default via 192\.168\.77\.1 /m);
    expect(stdout).toMatch(/^nocloud$/m);

    // This guest has netplan. For others cloud-init writes down the name of the NIC: it must be the one that it has.
    await ssh('sudo mount -o ro -L cidata /mnt');
    const convert =
      'sudo cloud-init devel net-convert --network-data /mnt/network-config --kind yaml --distro debian';
    const [eni, networkd] = ['--directory /tmp/eni -O eni', '--directory /tmp/networkd -O networkd'];
    const converted = await ssh(`${convert} ${eni} && ${convert} ${networkd}`);
    expect(converted.code, converted.stderr).toBe(0);
    const written = await ssh('cat /tmp/eni/etc/network/interfaces.d/* /tmp/networkd/etc/systemd/network/*');
    expect(written.stdout).toMatch(/^iface eth0 inet static$/m);
    expect(written.stdout).toMatch(/^Name=eth0$/m);
    await deleted('web2');
  });
});
