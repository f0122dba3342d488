/** Storage against the real qemu-img: what we write it reads, what it writes we check, what is hostile we refuse. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BaseReplicaSpec, DiskReplicaSpec, DiskTemplate } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../packages/agent/src/process/run.ts';
import { writeEmptyQcow2 } from '../../packages/agent/src/storage/empty-qcow2.ts';
import { createFileDriver } from '../../packages/agent/src/storage/file-driver.ts';
import { createStorage, type Storage } from '../../packages/agent/src/storage/storage.ts';
import { diskSpec, storageDriverConformance } from './support/storage-conformance.ts';

const MiB = 2 ** 20;
const signal = new AbortController().signal;
const quiet = () => undefined;
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry storage-')); // with a blank: nobody may trip over it
});
afterEach(() => rm(dir, { recursive: true }));

const info = async (path: string) =>
  JSON.parse((await run(['qemu-img', 'info', '-f', 'qcow2', '--output=json', path])).stdout) as Record<
    string,
    unknown
  >;
const check = (path: string) => run(['qemu-img', 'check', '-f', 'qcow2', path]);
const qemuIo = (path: string, format: string, ...commands: string[]) =>
  run(['qemu-io', '-f', format, ...commands.flatMap((command) => ['-c', command]), path]);

for (const template of ['file-qcow2', 'file-raw'] as const)
  storageDriverConformance(`file driver, ${template}`, template, (directory, free) =>
    createFileDriver(join(directory, 'disks'), free),
  );

describe('an empty qcow2 file of ours', () => {
  it.each([512, 64 * 1024 + 512, 100 * MiB, 2 ** 40, 7 * 2 ** 40 + 512, 2 ** 51])(
    'of %d bytes',
    async (sizeBytes) => {
      const path = join(dir, 'disk.qcow2');
      await writeEmptyQcow2(path, { sizeBytes });
      expect((await check(path)).stdout).toContain('No errors were found');
      expect(await info(path)).toMatchObject({
        'virtual-size': sizeBytes,
        'cluster-size': 65536,
        format: 'qcow2',
      });
    },
  );

  it('has the metadata of one by qemu-img', async () => {
    const [ours, theirs] = [join(dir, 'ours'), join(dir, 'theirs')];
    await writeEmptyQcow2(ours, { sizeBytes: 5 * 2 ** 30 });
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', theirs, '5G']);
    const specific = async (path: string) => (await info(path))['format-specific'];
    expect(await specific(ours)).toEqual(await specific(theirs));
  });

  it('reads as its base, takes writes, and is whole after them', async () => {
    const base = join(dir, 'base.raw');
    await writeFile(base, Buffer.alloc(MiB, 0x41));
    const path = join(dir, 'overlay.qcow2');
    await writeEmptyQcow2(path, { sizeBytes: 2 * 2 ** 30, backing: { file: 'base.raw', format: 'raw' } });
    expect(await info(path)).toMatchObject({
      'backing-filename': 'base.raw',
      'backing-filename-format': 'raw',
    });
    await qemuIo(
      path,
      'qcow2',
      'read -P 0x41 0 1M',
      'read -P 0 1M 1M',
      'write -P 0x42 512k 1M',
      'write -P 7 1G 2M',
    );
    await qemuIo(
      path,
      'qcow2',
      'read -P 0x41 0 512k',
      'read -P 0x42 512k 1M',
      'read -P 7 1G 2M',
      'read -P 0 1100M 1M',
    );
    expect((await check(path)).stdout).toContain('No errors were found');
  });
});

describe('an image', () => {
  let storage: Storage;
  let file: string;
  beforeEach(() => {
    file = join(dir, 'upload');
    const imageContent = async () => createReadStream(file) as AsyncIterable<Uint8Array>;
    const os = { content: () => Promise.reject(new Error('no provider')) };
    storage = createStorage({ stateDir: join(dir, 'state'), link: { imageContent }, os });
  });
  const spec = async (format: 'qcow2' | 'raw'): Promise<BaseReplicaSpec> => ({
    ...(diskSpec() as Pick<DiskReplicaSpec, 'node' | 'cluster'>),
    what: 'base',
    image: randomUUID() as unknown as BaseReplicaSpec['image'],
    sha256: createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
    format,
    desired: 'present',
  });
  const ensure = async (format: 'qcow2' | 'raw' = 'qcow2') => {
    const { node, cluster, what, image, sha256, desired } = await spec(format);
    const base = { node, cluster, what, image, sha256, desired, format };
    await storage.perform['base.ensure']({ do: 'base.ensure', spec: base }, quiet, signal);
    return base;
  };
  const left = async () =>
    (await readdir(join(dir, 'state'), { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
  const create = (...args: string[]) => run(['qemu-img', 'create', '-q', ...(args as [string])]);

  it.each([['plain'], ['compressed']])(
    '%s qcow2 becomes a raw base; a disk on it reads the same',
    async (how) => {
      await writeFile(
        join(dir, 'content.raw'),
        Buffer.concat([Buffer.alloc(3 * MiB, 'x'), Buffer.alloc(61 * MiB)]),
      );
      const options = how === 'compressed' ? ['-c'] : [];
      await run([
        'qemu-img',
        'convert',
        '-f',
        'raw',
        '-O',
        'qcow2',
        ...options,
        join(dir, 'content.raw'),
        file,
      ]);
      const base = await ensure();
      const disk = diskSpec({
        cluster: base.cluster,
        sizeBytes: 80 * MiB,
        source: {
          kind: 'image',
          image: base.image,
          format: 'qcow2',
          sha256: base.sha256,
          virtualBytes: 64 * MiB,
        },
      });
      await storage.perform['disk.create']({ do: 'disk.create', spec: disk }, quiet, signal);
      const { disks, bases } = await storage.observe();
      expect(bases).toMatchObject([{ sha256: base.sha256, users: [disk.disk] }]);
      expect((await stat(bases[0]?.path ?? '')).blocks * 512).toBeLessThan(8 * MiB);
      await qemuIo(disks[0]?.path ?? '', 'qcow2', 'read -P 0x78 0 3M', 'read -P 0 3M 77M');
    },
  );

  it('that stands on a file of the node is refused, and nothing of it stays', async () => {
    await writeFile(join(dir, 'secret'), Buffer.alloc(MiB, 's'));
    await create('-f', 'qcow2', '-F', 'raw', '-b', join(dir, 'secret'), file);
    await expect(ensure()).rejects.toMatchObject({
      code: 'image_unsafe',
      message: expect.stringContaining('another file'),
    });
    expect(await left()).toEqual([]);
  });

  it('whose data lies in a file of the node is refused', async () => {
    await create('-f', 'qcow2', '-o', `data_file=${join(dir, 'data')},data_file_raw=on`, file, '1M');
    await expect(ensure()).rejects.toMatchObject({ code: 'image_unsafe' });
    expect(await left()).toEqual([]);
  });

  it('that is encrypted is refused', async () => {
    // qemu-img would measure the CPU to make a LUKS header, which fails where CPU time is counted coarsely
    await create('-f', 'qcow2', file, '1M');
    const LUKS = Buffer.from([0, 0, 0, 2]);
    const image = await open(file, 'r+');
    await image.write(LUKS, 0, 4, 32); // crypt_method, docs/interop/qcow2
    await image.close();
    await expect(ensure()).rejects.toMatchObject({
      code: 'image_unsafe',
      message: expect.stringContaining('encrypted'),
    });
  });

  it('whose tables point outside or overlap is refused: it could become more than it seems', async () => {
    await create('-f', 'qcow2', file, '64M');
    await qemuIo(file, 'qcow2', 'write -P 1 0 128k');
    const bytes = await readFile(file);
    const l2 = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40))) & 0x00ff_ffff_ffff_fe00n);
    bytes.copy(bytes, l2 + 8, l2, l2 + 8); // two places of the disk share one cluster
    await writeFile(file, bytes);
    await expect(ensure()).rejects.toMatchObject({
      code: 'image_unsafe',
      message: expect.stringContaining('damaged'),
    });
    expect(await left()).toEqual([]);
  });

  it('stated as raw stays what it is, though it has a qcow2 header', async () => {
    await writeFile(join(dir, 'secret'), Buffer.alloc(MiB, 's'));
    await create('-f', 'qcow2', '-F', 'raw', '-b', join(dir, 'secret'), file);
    await ensure('raw');
    const { bases } = await storage.observe();
    expect((await readFile(bases[0]?.path ?? '')).subarray(0, 4).toString('latin1')).toBe('QFI\xfb');
  });
});

describe('a full file system', () => {
  it.each<[DiskTemplate]>([['file-qcow2'], ['file-raw']])(
    '%s: no_space, and the partial is gone',
    async (template) => {
      const mount = join(dir, 'small');
      await run(['mkdir', mount]);
      await run(['mount', '-t', 'tmpfs', '-o', 'size=2m,mode=711', 'gantry-test', mount]);
      try {
        const driver = createFileDriver(join(mount, 'disks'), async () => 2 ** 40);
        const fill = async (path: string) => {
          const file = await open(path, 'r+');
          await file.write(Buffer.alloc(8 * MiB, 'x')).finally(() => void file.close());
          await run(['dd', 'if=/dev/urandom', `of=${path}`, 'bs=1M', 'count=8', 'conv=notrunc']);
        };
        const made = driver.create(diskSpec({ template }), { kind: 'fill', fill }, signal);
        await expect(made).rejects.toMatchObject({ code: 'no_space' });
        expect(await readdir(join(mount, 'disks'))).toEqual([]);
      } finally {
        await run(['umount', mount]);
      }
    },
  );
});
