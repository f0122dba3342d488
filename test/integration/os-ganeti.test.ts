/**
 * OS definitions of Ganeti's OS interface: small ones of our own, and Debian's package ganeti-instance-debootstrap as it
 * is. The package keeps its cache at a fixed place: the test puts a folder of its own over it, in a mount namespace.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskReplicaSpec, OsContext } from '@gantry/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGanetiProvider } from '../../packages/agent/src/os/ganeti/provider.ts';
import { createOsProviders } from '../../packages/agent/src/os/os-providers.ts';
import { run } from '../../packages/agent/src/process/run.ts';
import { loopDevicesOf } from '../../packages/agent/src/storage/loop-devices.ts';
import { createStorage, type Storage } from '../../packages/agent/src/storage/storage.ts';
import { LIMIT_MS } from '../lab/wait.ts';
import { createDisk, mountsNaming, osDisk, processesNaming } from './support/os-disk.ts';
import { diskSpec } from './support/storage-conformance.ts';

const MiB = 2 ** 20;
const signal = new AbortController().signal;
const link = { imageContent: () => Promise.reject(new Error('no controller here')) };

describe('an OS definition', () => {
  let dir: string;
  let storage: Storage;
  let log: string[];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gantry os-')); // the blank must not reach the script
    log = [];
    storage = storageWith(LIMIT_MS);
  });
  afterEach(async () => {
    // one that was killed is seen until it has had its turn
    await expect.poll(() => processesNaming(dir)).toEqual([]);
    expect(mountsNaming(dir)).toEqual([]);
    await rm(dir, { recursive: true });
  });
  /** @param timeoutMs of each script */
  const storageWith = (timeoutMs: number) => {
    const definitions = createGanetiProvider({ searchPath: [join(dir, 'os')], timeoutMs });
    return createStorage({ stateDir: join(dir, 'state'), link, os: createOsProviders({}, definitions) });
  };

  async function define(
    scripts: { create: string; verify?: string; rename?: string },
    files: Record<string, string> = {},
  ) {
    const folder = join(dir, 'os', 'test');
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries({ ganeti_api_version: '20\n', ...files }))
      await writeFile(join(folder, name), text);
    for (const [name, body] of Object.entries({ verify: 'exit 0', ...scripts })) {
      await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`);
      await chmod(join(folder, name), 0o755);
    }
  }
  const create = (spec: DiskReplicaSpec, stop = signal) =>
    storage.perform['disk.create']({ do: 'disk.create', spec }, (_, line) => log.push(line), stop);
  /** Loop devices on a file with this in its path. One that others look at, as udev does, goes when they are done. */
  const loopsOn = async (text: string) =>
    (await run(['losetup', '--list', '--noheadings', '--raw', '--output', 'NAME,BACK-FILE'])).stdout
      .split('\n')
      .filter((line) => line.includes(text));
  const small = (more: Partial<DiskReplicaSpec> = {}, parameters = {}) =>
    osDisk('test', parameters, { sizeBytes: 64 * MiB, template: 'file-raw', ...more });
  const left = async (spec: DiskReplicaSpec) =>
    readdir(join(dir, 'state/agent/storage', spec.cluster, 'disks')).catch(() => []);
  const read = async (spec: DiskReplicaSpec) => {
    const name = `${spec.disk}.ready.raw`;
    return readFile(join(dir, 'state/agent/storage', spec.cluster, 'disks', name));
  };

  it('fills a raw disk: verify first, its folder as cwd, a clean environment, output to the log', async () => {
    await define(
      {
        verify: 'test "$1" = parameters && test "$OSP_GREETING" = "hello; world" && echo verified',
        create:
          'test -f parameters.list && test -z "$GANTRY_LEAK" && printf "%s" "$OSP_GREETING" | dd of=$DISK_0_PATH conv=notrunc; env',
      },
      { 'parameters.list': 'greeting What to say\n', 'variants.list': 'default\n' },
    );
    process.env['GANTRY_LEAK'] = 'secret';
    const spec = small({}, { greeting: 'hello; world' });
    await create(spec);
    expect((await read(spec)).subarray(0, 12).toString()).toBe('hello; world');
    expect((await read(spec)).length).toBe(64 * MiB);
    expect(log).toContain('verified');
    expect(log).toContain('OS_VARIANT=default');
    expect(log).toContain('INSTANCE_NAME=hello');
  });

  it('fills a qcow2 disk too', async () => {
    await define({ create: 'printf x | dd of=$DISK_0_PATH seek=1 bs=1M conv=notrunc' });
    const spec = small({ template: 'file-qcow2' });
    await create(spec);
    expect(await left(spec)).toEqual([`${spec.disk}.ready.qcow2`]);
    const path = join(dir, 'state/agent/storage', spec.cluster, 'disks', `${spec.disk}.ready.qcow2`);
    await run(['qemu-io', '-r', '-f', 'qcow2', '-c', 'read -P 0x78 1M 1', '-c', 'read -P 0 2M 62M', path]);
  });

  it('whose verify refuses does not get to create', async () => {
    await define({ verify: 'echo "bad filesystem" >&2; exit 1', create: 'echo created' });
    const spec = small();
    await expect(create(spec)).rejects.toMatchObject({
      code: 'os_provider_failed',
      params: { provider: 'test', step: 'verify', why: 'bad filesystem (it ended with exit code 1)' },
    });
    expect(log).not.toContain('created');
    expect(await left(spec)).toEqual([]);
  });

  it('that fails, mounting and looping as it goes, leaves nothing', async () => {
    await define({
      create:
        'mke2fs -Fq $DISK_0_PATH; d=$(mktemp -d); mount -o loop $DISK_0_PATH $d && echo mounted; sleep 100 & exit 3',
    });
    const spec = small();
    await expect(create(spec)).rejects.toMatchObject({ code: 'os_provider_failed' });
    expect(log).toContain('mounted');
    expect(await left(spec)).toEqual([]);
    await expect.poll(() => loopsOn(spec.disk)).toEqual([]);
  });

  it('that keeps a loop device has it taken away', async () => {
    await define({ create: 'losetup --find $DISK_0_PATH && echo looped' });
    const spec = small();
    await create(spec);
    expect(log.some((line) => /left \/dev\/loop/.test(line))).toBe(true);
    await expect.poll(() => loopsOn(spec.disk)).toEqual([]);
  });

  it('that was killed with the agent, loop device and all, is begun anew without it', async () => {
    await define({ create: 'exit 0' });
    const spec = small();
    const folder = join(dir, 'state/agent/storage', spec.cluster, 'disks');
    const begun = join(folder, `${spec.disk}.creating.${spec.operation}.raw`);
    await mkdir(folder, { recursive: true });
    await writeFile(begun, Buffer.alloc(MiB));
    await run(['losetup', '--find', begun]);
    // by the file: the device itself may be another's as soon as it is free
    expect(await loopsOn(spec.disk)).toHaveLength(1);
    await create(spec);
    await expect.poll(() => loopsOn(spec.disk)).toEqual([]);
    expect(await left(spec)).toEqual([`${spec.disk}.ready.raw`]);
  });

  it('is stopped as a whole, by a time limit or by the operation', async () => {
    await define({ create: 'trap "" TERM; echo begun; sleep 1000 & sleep 1000' });
    storage = storageWith(1000);
    await expect(create(small())).rejects.toMatchObject({
      code: 'os_provider_failed',
      params: { why: 'it did not end in time' },
    });
    storage = storageWith(LIMIT_MS);
    log.length = 0;
    const stop = new AbortController();
    const spec = small();
    const stopped = expect(create(spec, stop.signal)).rejects.toMatchObject({ reason: 'aborted' });
    await expect.poll(() => log).toContain('begun');
    stop.abort(new Error('cancelled'));
    await stopped;
    expect(await left(spec)).toEqual([]);
  });

  it('is told when it installs over what was there, and only then', async () => {
    await define({ create: 'echo "reinstall=$INSTANCE_REINSTALL"' });
    const spec = small();
    await create(spec);
    await create(small({ os: { ...(spec.os as OsContext), reinstall: true } }));
    expect(log.filter((line) => line.startsWith('reinstall='))).toEqual(['reinstall=', 'reinstall=1']);
  });

  /** `hello`, installed, and the order to make `copy` of it. */
  async function copied(scripts: { rename?: string }, template: 'file-raw' | 'file-qcow2' = 'file-qcow2') {
    await define({ create: 'printf %s "$INSTANCE_NAME" | dd of=$DISK_0_PATH conv=notrunc', ...scripts });
    const from = small({ template });
    await create(from);
    log.length = 0;
    const copy = { from: from.disk, of: randomUUID(), to: randomUUID() } as NonNullable<
      DiskReplicaSpec['copy']
    >;
    const os = { ...(from.os as OsContext), instance: 'copy', personality: { hostname: 'copy.example' } };
    const { source, cluster } = from;
    return { from, spec: small({ template, cluster, source, os, copy, renamed: 'hello' } as typeof from) };
  }
  const head = async ({ cluster, disk, template }: DiskReplicaSpec) => {
    const path = join(dir, 'state/agent/storage', cluster, 'disks', `${disk}.ready.${template.slice(5)}`);
    const raw = join(dir, 'head.raw');
    await run(['qemu-img', 'convert', '-f', template.slice(5), '-O', 'raw', path, raw]);
    return (await readFile(raw)).subarray(0, 12).toString().replaceAll('\0', '');
  };

  it.each(['file-raw', 'file-qcow2'] as const)('renames what a copy holds: %s', async (template) => {
    const rename =
      'echo "$OLD_INSTANCE_NAME -> $INSTANCE_NAME, $DISK_COUNT disk, $# words"; printf %s "$INSTANCE_NAME" | dd of=$DISK_0_PATH conv=notrunc';
    const { from, spec } = await copied({ rename }, template);
    await create(spec);
    expect(log).toContain('hello -> copy.example, 1 disk, 0 words');
    expect([await head(from), await head(spec)]).toEqual(['hello', 'copy.example']);
  });

  it('without rename script leaves a copy as it is', async () => {
    const { spec } = await copied({});
    await create(spec);
    expect(await head(spec)).toBe('hello');
  });

  it('whose rename refuses makes no copy, and the source stays what it was', async () => {
    const { from, spec } = await copied({ rename: 'echo "another system" >&2; exit 4' });
    await expect(create(spec)).rejects.toMatchObject({
      code: 'os_provider_failed',
      params: { provider: 'test', step: 'rename', why: 'another system (it ended with exit code 4)' },
    });
    expect(await left(spec)).toEqual([`${from.disk}.ready.qcow2`]);
    expect(await head(from)).toBe('hello');
  });

  it('that is not there is named, with where it was looked for', async () => {
    await expect(create(osDisk('absent'))).rejects.toMatchObject({
      code: 'os_provider_failed',
      message: expect.stringContaining(join(dir, 'os')) as string,
    });
  });
});

describe('ganeti-instance-debootstrap, unmodified', () => {
  const FIXED_CACHE = '/var/cache/ganeti-instance-debootstrap';
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gantry-ganeti-'));
    await mkdir(join(dir, 'cache'));
    await mkdir(FIXED_CACHE, { recursive: true });
  });
  afterAll(() => rm(dir, { recursive: true }));

  const over = () => [
    ...[
      'unshare',
      '--mount',
      '--propagation=private',
      'sh',
      '-c',
      `mount --bind "$0" ${FIXED_CACHE} && exec "$@"`,
    ],
    join(dir, 'cache'),
  ];
  const create = (spec: DiskReplicaSpec) =>
    createDisk(join(dir, 'state'), join(dir, 'own-cache'), spec, over());
  const path = (spec: DiskReplicaSpec) =>
    join(dir, 'state/agent/storage', spec.cluster, 'disks', `${spec.disk}.ready.raw`);
  const cat = async (spec: DiskReplicaSpec, file: string) =>
    (await run(['debugfs', '-R', `cat ${file}`, path(spec)])).stdout;

  it('creates an instance by a real debootstrap, and the next from its cache', async () => {
    const first = osDisk('ganeti-debootstrap', { filesystem: 'ext4' }, { template: 'file-raw' });
    const creation = create(first);
    expect(await creation.result).toMatchObject({ outcome: {} });
    expect(creation.log.filter((line) => /^(SUITE|MIRROR|PARTITION_STYLE)=/.test(line))).toHaveLength(3);
    expect(await cat(first, '/etc/hostname')).toBe('hello\n');
    expect(await cat(first, '/etc/debian_version')).toMatch(/^12\./);
    expect(await readdir(join(dir, 'cache'))).toEqual([expect.stringMatching(/^cache-bookworm-\w+\.tar$/)]);

    const second = osDisk('ganeti-debootstrap', {}, { template: 'file-raw' });
    const warm = create(second);
    expect(await warm.result).toMatchObject({ outcome: {} });
    expect(warm.log.some((line) => /Retrieving/.test(line))).toBe(false);
    expect(await cat(second, '/etc/hostname')).toBe('hello\n');

    // its own rename script, which looks whether the system is the one that it believes
    const copy = { from: second.disk, of: randomUUID(), to: randomUUID() } as NonNullable<
      DiskReplicaSpec['copy']
    >;
    const { cluster, source, template, sizeBytes } = second;
    const os = { ...(second.os as OsContext), personality: { hostname: 'copy' } };
    const renamed = { cluster, source, template, sizeBytes, copy, os };
    const third = diskSpec({ ...renamed, renamed: 'hello' });
    expect(await create(third).result).toMatchObject({ outcome: {} });
    expect([await cat(second, '/etc/hostname'), await cat(third, '/etc/hostname')]).toEqual([
      'hello\n',
      'copy\n',
    ]);
    const { result } = create(diskSpec({ ...renamed, renamed: 'somebody-else' }));
    expect(await result).toMatchObject({
      error: { message: expect.stringContaining('different hostname (hello)') as string },
    });
    for (const spec of [second, third]) await run(['e2fsck', '-fn', path(spec)]);
    for (const spec of [first, second, third]) await expect.poll(() => loopDevicesOf(path(spec))).toEqual([]);
  });

  it('refuses a file system it does not know by its own verify', async () => {
    const { result } = create(osDisk('ganeti-debootstrap', { filesystem: 'zfs' }, { template: 'file-raw' }));
    expect(await result).toMatchObject({
      error: {
        code: 'os_provider_failed',
        message: expect.stringContaining("Invalid value 'zfs'") as string,
      },
    });
  });
});
