import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestNic, GuestSpec } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../process/run.ts';
import { makeHostKey } from './host-key.ts';
import { identityArchive } from './identity.ts';
import { seedFiles, writeSeed } from './seed.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKtest someone';
const hostKey = makeHostKey('root@web');
const spec = (
  nics: GuestSpec['input']['nics'],
  personality: GuestSpec['input']['personality'] = {},
): GuestSpec =>
  ({
    instance: '0a0b0c0d-1111-4222-8333-444444444444',
    input: { name: 'web', nics, personality },
  }) as unknown as GuestSpec;
const nic = {
  bridge: 'br0',
  mac: '52:54:00:00:00:01',
  ipv4: '10.0.0.5',
  prefix: 24,
  gateway: '10.0.0.1',
  dns: ['10.0.0.1'],
  dhcp: true,
};

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-identity-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Unpacks the archive and those inside it, as the guest does. */
async function unpack(guest: GuestSpec): Promise<(path: string) => Promise<string>> {
  const cpio = (archive: string | Uint8Array) =>
    run(['busybox', 'cpio', '-idu'], { cwd: dir, stdin: archive });
  await cpio(identityArchive(guest, hostKey));
  for (const name of ['always', 'once', 'ifupdown'])
    await cpio(await readFile(join(dir, `gantry/${name}.cpio`)));
  return (path) => readFile(join(dir, path), 'utf8');
}

describe('identityArchive', () => {
  it('names the guest, its addresses and its keys', async () => {
    const file = await unpack(spec([nic], { hostname: 'web.example.org', sshKeys: [KEY] }));
    expect(await file('gantry/nics')).toBe('52:54:00:00:00:01 10.0.0.5/24 10.0.0.1 - - -\n');
    expect(await file('etc/hostname')).toBe('web\n');
    expect(await file('etc/hosts')).toContain('10.0.0.5 web.example.org web\n');
    expect(await file('etc/machine-id')).toBe('0a0b0c0d111142228333444444444444\n');
    expect(await file('etc/resolv.conf')).toBe('nameserver 10.0.0.1\n');
    expect(await file('root/.ssh/authorized_keys')).toBe(`${KEY}\n`);
    expect((await stat(join(dir, 'root/.ssh'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(dir, 'etc/ssh/ssh_host_ed25519_key'))).mode & 0o777).toBe(0o600);
    expect(await file('etc/systemd/network/10-gantry-0.network')).toBe(
      '[Match]\nMACAddress=52:54:00:00:00:01\n\n[Network]\nAddress=10.0.0.5/24\nGateway=10.0.0.1\nDNS=10.0.0.1\nKeepConfiguration=yes\nIPv6AcceptRA=no\n',
    );
    expect(await file('etc/network/interfaces')).toContain('address 10.0.0.5/24\n  gateway 10.0.0.1\n');
  });

  it('gives IPv6 beside IPv4, and alone', async () => {
    const six = { ipv6: '2001:db8::5', prefix6: 64, gateway6: 'fe80::1', dns6: ['2001:db8::53'] };
    const both = await unpack(spec([{ ...nic, ...six }]));
    expect(await both('gantry/nics')).toBe(
      '52:54:00:00:00:01 10.0.0.5/24 10.0.0.1 - 2001:db8::5/64 fe80::1\n',
    );
    expect(await both('etc/hosts')).toContain('10.0.0.5 web\n2001:db8::5 web\n');
    expect(await both('etc/resolv.conf')).toBe('nameserver 10.0.0.1\nnameserver 2001:db8::53\n');
    expect(await both('etc/systemd/network/10-gantry-0.network')).toContain(
      'DNS=10.0.0.1\nAddress=2001:db8::5/64\nGateway=fe80::1\nDNS=2001:db8::53\nKeepConfiguration=yes\n',
    );
    expect(await both('etc/network/interfaces')).toContain('address 2001:db8::5/64\n  gateway fe80::1\n');
    const alone = await unpack(spec([{ bridge: 'b', mac: '52:54:00:00:00:02', dhcp: false, ...six }]));
    expect(await alone('gantry/nics')).toBe('52:54:00:00:00:02 - - - 2001:db8::5/64 fe80::1\n');
    expect(await alone('etc/network/interfaces')).toContain(
      'iface eth0 inet manual\niface eth0 inet6 static\n',
    );
    const seed = JSON.parse(seedFiles(spec([{ ...nic, ...six }]))['network-config']) as object;
    expect(seed).toMatchObject({
      ethernets: {
        eth0: {
          addresses: ['10.0.0.5/24', '2001:db8::5/64'],
          routes: [
            { to: '0.0.0.0/0', via: '10.0.0.1' },
            { to: '::/0', via: 'fe80::1' },
          ],
          nameservers: { addresses: ['10.0.0.1', '2001:db8::53'] },
        },
      },
    });
  });

  it('asks DHCP only for an address that was not granted', async () => {
    const file = await unpack(spec([{ bridge: 'b', mac: '52:54:00:00:00:02', dhcp: true, mtu: 1400 }]));
    expect(await file('gantry/nics')).toBe('52:54:00:00:00:02 - - 1400 - -\n');
    expect(await file('etc/network/interfaces')).toContain('iface eth0 inet dhcp');
    expect(await file('etc/systemd/network/10-gantry-0.network')).toContain(
      'MTUBytes=1400\n\n[Network]\nDHCP=ipv4\n',
    );
    const wants = 'etc/systemd/system/multi-user.target.wants/systemd-networkd.service';
    expect((await run(['readlink', join(dir, wants)])).stdout).toBe(
      '/lib/systemd/system/systemd-networkd.service\n',
    );
  });

  it('has another digest when anything in it is another', async () => {
    const digest = async (guest: GuestSpec) => (await unpack(guest))('gantry/digest');
    const first = await digest(spec([nic]));
    expect(await digest(spec([nic]))).toBe(first);
    expect(await digest(spec([{ ...nic, ipv4: '10.0.0.6' }]))).not.toBe(first);
    expect(await digest(spec([nic], { sshKeys: [KEY] }))).not.toBe(first);
  });
});

describe('makeHostKey', () => {
  it('makes a key that OpenSSH reads', async () => {
    const path = join(dir, 'key');
    await writeFile(path, hostKey.privateKey, { mode: 0o600 });
    const { stdout } = await run(['ssh-keygen', '-y', '-f', path]);
    expect(stdout.trim()).toBe(hostKey.publicKey);
  });
});

describe('seedFiles', () => {
  it('are JSON that says the same', () => {
    const userData = '#cloud-config\npackages: [vim]\n';
    const files = seedFiles(spec([nic], { sshKeys: [KEY], userData }));
    expect(JSON.parse(files['meta-data'])).toEqual({
      'instance-id': '0a0b0c0d-1111-4222-8333-444444444444',
      'local-hostname': 'web',
      'public-keys': [KEY],
    });
    expect(files['user-data']).toBe(userData);
    expect(JSON.parse(files['network-config'])).toEqual({
      version: 2,
      ethernets: {
        eth0: {
          match: { macaddress: nic.mac },
          'set-name': 'eth0',
          addresses: ['10.0.0.5/24'],
          routes: [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
          'accept-ra': false,
          nameservers: { addresses: ['10.0.0.1'] },
        },
      },
    });
  });

  it.each<[string, Partial<GuestNic>, boolean]>([
    ['an IPv4 address alone', {}, false],
    ['IPv6 with its gateway', { ipv6: '2001:db8::5', gateway6: 'fe80::1' }, false],
    ['IPv6 whose gateway nobody told', { ipv6: '2001:db8::5' }, true],
    ['other IPv6 addresses allowed', { allow: ['52:54:00:00:00:07', '2001:db8::/64'] }, true],
    ['other MACs and IPv4 addresses allowed', { allow: ['52:54:00:00:00:07', '10.0.0.0/8'] }, false],
    ['no filter', { filter: 'off' }, true],
    ['addresses that are not ours to give', { filter: 'unbound' }, true],
  ])('routers are heard with %s: %s', (_, change, heard) => {
    const files = seedFiles(spec([{ ...nic, ...change }]));
    expect(files['network-config'].includes('"accept-ra": false')).toBe(!heard);
  });

  it('lie on an ISO with the label that cloud-init looks for, and nowhere else', async () => {
    const guest = spec([nic]);
    const path = await writeSeed(guest, dir, new AbortController().signal);
    expect((await run(['isoinfo', '-d', '-i', path])).stdout).toContain('Volume id: cidata\n');
    const { stdout } = await run(['isoinfo', '-J', '-x', '/meta-data', '-i', path]);
    expect(stdout).toBe(seedFiles(guest)['meta-data']);
    expect(await readdir(dir)).toEqual(['seed.iso']);
  });

  it('are read by nobody else on the node, whatever a crash left: user-data has secrets in it', async () => {
    const partial = join(dir, 'seed.iso.partial');
    await writeFile(partial, 'of an attempt that was killed', { mode: 0o644 });
    await chmod(partial, 0o644);
    const path = await writeSeed(spec([nic]), dir, new AbortController().signal);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});
