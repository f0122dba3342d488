import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OsContext } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseVariant, findDefinition, type OsDefinition } from './definition.ts';
import { osEnvironment } from './environment.ts';
import { osParameters } from './os-parameters.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-os-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function define(
  name: string,
  files: Record<string, string>,
  scripts = ['create', 'verify'],
): Promise<void> {
  await mkdir(join(dir, name));
  for (const [file, content] of Object.entries(files)) await writeFile(join(dir, name, file), content);
  for (const script of scripts) {
    await writeFile(join(dir, name, script), '#!/bin/sh\n');
    await chmod(join(dir, name, script), 0o755);
  }
}
const find = (name: string) => findDefinition(name, [join(dir, 'absent'), dir]);

describe('findDefinition', () => {
  it('reads versions, variants and parameters', async () => {
    await define('img', {
      ganeti_api_version: '20\n15\n5\n',
      'variants.list': '# ours\ndefault\n\nbig\n',
      'parameters.list': 'Filesystem  The file system\nplain\n',
    });
    expect(await find('img')).toMatchObject({ name: 'img', api: 20, variants: ['default', 'big'] });
    expect([...(await find('img')).parameters]).toEqual([
      ['filesystem', 'The file system'],
      ['plain', ''],
    ]);
  });
  it('takes the newest version that both know, and no verify below 20', async () => {
    await define('old', { ganeti_api_version: '10\n15' }, ['create']);
    expect((await find('old')).api).toBe(15);
  });
  it('finds by the prefix what a built-in provider hides', async () => {
    await define('debootstrap', { ganeti_api_version: '20' });
    expect((await find('ganeti-debootstrap')).name).toBe('debootstrap');
  });
  it.each<[string, Record<string, string>, string[], RegExp]>([
    ['without a version', {}, ['create'], /no file ganeti_api_version/],
    [
      'of the future',
      { ganeti_api_version: '25' },
      ['create', 'verify'],
      /offers API 25; known here: 20, 15, 10/,
    ],
    ['without create', { ganeti_api_version: '20' }, ['verify'], /create is not an executable/],
    ['without verify', { ganeti_api_version: '20' }, ['create'], /verify is not an executable/],
  ])('refuses one %s', async (_, files, scripts, why) => {
    await define('bad', files, scripts);
    await expect(find('bad')).rejects.toThrow(why);
  });
  it('says where it looked', async () => {
    await expect(find('none')).rejects.toThrow(dir);
  });
});

const definition = (more: Partial<OsDefinition> = {}): OsDefinition => ({
  name: 'img',
  folder: '/os/img',
  api: 20,
  renames: false,
  variants: ['default', 'big'],
  parameters: new Map([['filesystem', '']]),
  ...more,
});

describe('chooseVariant', () => {
  it('takes the wanted one, else the default, else the first, else none', () => {
    expect(chooseVariant(definition(), 'big')).toBe('big');
    expect(chooseVariant(definition(), undefined)).toBe('default');
    expect(chooseVariant(definition({ variants: ['x'] }), undefined)).toBe('x');
    expect(chooseVariant(definition({ variants: [] }), undefined)).toBeUndefined();
  });
  it('refuses others', () => {
    expect(() => chooseVariant(definition(), 'huge')).toThrow(/one of default, big/);
    expect(() => chooseVariant(definition({ variants: [] }), 'huge')).toThrow(/no variants/);
  });
});

describe('osEnvironment', () => {
  const context: OsContext = {
    instance: 'web',
    vcpus: 2,
    memoryMiB: 1024,
    nics: [
      {
        mac: '52:54:00:00:00:01',
        bridge: 'br0',
        ip: '10.0.0.5',
        network: 'lan',
        networkId: 'n',
        ipv6: '2001:db8::5',
        subnet6: '2001:db8::/64',
        gateway6: 'fe80::1',
        subnet: '10.0.0.0/24',
        gateway: '10.0.0.1',
      },
      { mac: '52:54:00:00:00:02', bridge: 'br1', ipv6: '2001:db8:1::5' },
    ],
    personality: {},
    clusterParameters: {},
  };
  const disk = { path: '/p/d.raw', sizeBytes: 2 ** 30, uuid: 'u' };

  it('is Ganeti’s', () => {
    const parameters = {
      declared: { OSP_FILESYSTEM: 'ext4' },
      plain: { SUITE: 'trixie', DISK_0_PATH: '/dev/sda' },
    };
    expect(osEnvironment(definition(), 'default', context, parameters, disk)).toEqual({
      OS_API_VERSION: '20',
      INSTANCE_NAME: 'web',
      INSTANCE_OS: 'img+default',
      OS_NAME: 'img',
      OS_VARIANT: 'default',
      HYPERVISOR: 'kvm',
      DEBUG_LEVEL: '0',
      INSTANCE_PRIMARY_NODE: 'localhost',
      INSTANCE_SECONDARY_NODES: '',
      INSTANCE_HV_serial_console: 'True',
      INSTANCE_BE_vcpus: '2',
      INSTANCE_BE_memory: '1024',
      INSTANCE_BE_minmem: '1024',
      INSTANCE_BE_maxmem: '1024',
      DISK_COUNT: '1',
      DISK_0_PATH: '/p/d.raw',
      DISK_0_ACCESS: 'rw',
      DISK_0_UUID: 'u',
      DISK_0_SIZE: '1024',
      DISK_0_FRONTEND_TYPE: 'paravirtual',
      DISK_0_BACKEND_TYPE: 'file:loop',
      NIC_COUNT: '2',
      NIC_0_MAC: '52:54:00:00:00:01',
      NIC_0_IP: '10.0.0.5',
      NIC_0_MODE: 'bridged',
      NIC_0_BRIDGE: 'br0',
      NIC_0_LINK: 'br0',
      NIC_0_FRONTEND_TYPE: 'paravirtual',
      NIC_0_IP6: '2001:db8::5',
      NIC_0_NETWORK_NAME: 'lan',
      NIC_0_NETWORK_UUID: 'n',
      NIC_0_NETWORK_TAGS: '',
      NIC_0_NETWORK_SUBNET6: '2001:db8::/64',
      NIC_0_NETWORK_GATEWAY6: 'fe80::1',
      NIC_0_NETWORK_SUBNET: '10.0.0.0/24',
      NIC_0_NETWORK_GATEWAY: '10.0.0.1',
      NIC_1_MAC: '52:54:00:00:00:02',
      NIC_1_IP: '2001:db8:1::5',
      NIC_1_IP6: '2001:db8:1::5',
      NIC_1_MODE: 'bridged',
      NIC_1_BRIDGE: 'br1',
      NIC_1_LINK: 'br1',
      NIC_1_FRONTEND_TYPE: 'paravirtual',
      OSP_FILESYSTEM: 'ext4',
      SUITE: 'trixie',
    });
  });
});

describe('osParameters', () => {
  const sources = {
    parameters: {},
    cluster: {},
    apt: [{ uri: 'http://apt.example/debian', suite: 'bookworm', components: ['main'] }],
    nodeArch: 'amd64',
    hasDeviceMapper: false,
  };
  const quiet = () => undefined;
  const ofDebootstrap = (parameters: Record<string, string>, more = {}) =>
    osParameters(definition({ name: 'debootstrap' }), { ...sources, parameters, ...more }, quiet);

  it('hands declared ones on, the instance’s before the cluster’s', () => {
    const given = { ...sources, parameters: { filesystem: 'any $thing' }, cluster: { filesystem: 'ext3' } };
    expect(osParameters(definition(), given, quiet)).toEqual({
      declared: { OSP_FILESYSTEM: 'any $thing' },
      plain: {},
    });
  });

  it.each(['ld_preload', 'path', 'customize_dir', 'disk_0_path', 'suite'])(
    'refuses %s, which is not declared',
    (name) => {
      const given = { ...sources, parameters: { [name]: 'x' } };
      expect(() => osParameters(definition(), given, quiet)).toThrow(/one that img declares: filesystem/);
    },
  );

  it('tells instance-debootstrap what it cannot know, and says so', () => {
    const said: string[] = [];
    const { plain } = osParameters(definition({ name: 'debootstrap' }), sources, (_, line) =>
      said.push(line),
    );
    expect(plain).toEqual({
      SUITE: 'bookworm',
      MIRROR: 'http://apt.example/debian',
      PARTITION_STYLE: 'none',
    });
    expect(said).toContain('PARTITION_STYLE=none (this kernel has no device-mapper)');
    expect(said).toHaveLength(3);
  });

  it('hands its settings on, checked', () => {
    const parameters = { suite: 'trixie', extra_pkgs: 'vim, less', generate_cache: 'no', filesystem: 'ext3' };
    expect(ofDebootstrap(parameters)).toEqual({
      declared: { OSP_FILESYSTEM: 'ext3' },
      plain: {
        SUITE: 'trixie',
        MIRROR: 'http://apt.example/debian',
        PARTITION_STYLE: 'none',
        EXTRA_PKGS: 'vim,less',
        GENERATE_CACHE: 'no',
      },
    });
    expect(ofDebootstrap({ partition_style: 'msdos' }, { hasDeviceMapper: true }).plain).toMatchObject({
      PARTITION_STYLE: 'msdos',
    });
  });

  it.each([
    [{ suite: '../../tmp/evil' }, /suite=/],
    [{ mirror: 'http://m/ /tmp/evil' }, /mirror=/],
    [{ extra_pkgs: '--foreign' }, /extra_pkgs=/],
    [{ partition_style: 'msdos' }, /no device-mapper/],
    [{ partition_style: 'gpt' }, /partition_style="gpt"/],
    [{ customize_dir: '/tmp/evil' }, /customize_dir/],
    [{ variants_dir: '/tmp/evil' }, /variants_dir/],
  ])('refuses %j for instance-debootstrap', (parameters, why) => {
    expect(() => ofDebootstrap(parameters as Record<string, string>)).toThrow(why);
  });
});
