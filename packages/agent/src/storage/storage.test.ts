import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BaseReplicaSpec, type DiskReplicaSpec, err } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OsProviders } from '../os/os-providers.ts';
import { createStorage, type Storage } from './storage.ts';

const MiB = 2 ** 20;
const cluster = '11111111-1111-4111-8111-111111111111' as DiskReplicaSpec['cluster'];
const node = '22222222-2222-4222-8222-222222222222' as DiskReplicaSpec['node'];
const image = '33333333-3333-4333-8333-333333333333' as BaseReplicaSpec['image'];
const signal = new AbortController().signal;
const quiet = () => undefined;

let dir: string;
let content: Uint8Array;
let fetched: number;
let os: OsProviders;
let storage: Storage;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-storage-'));
  content = Buffer.concat([Buffer.alloc(MiB, 'a'), Buffer.alloc(3 * MiB), Buffer.from('end')]);
  fetched = 0;
  os = { content: () => Promise.reject(new Error('no provider')) };
  storage = open(10 * 1024 * MiB);
});
afterEach(() => rm(dir, { recursive: true }));

function open(freeBytes: number): Storage {
  const link = {
    imageContent: async () => {
      fetched++;
      return pieces(content);
    },
  };
  return createStorage({
    stateDir: dir,
    link,
    os: { content: (...args) => os.content(...args) },
    free: async () => freeBytes,
  });
}
async function* pieces(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}
const disk = (more: Partial<DiskReplicaSpec> = {}): DiskReplicaSpec => ({
  what: 'disk',
  node,
  cluster,
  disk: randomUUID() as unknown as DiskReplicaSpec['disk'],
  desired: 'present',
  template: 'file-qcow2',
  sizeBytes: 100 * MiB,
  source: { kind: 'blank' },
  operation: randomUUID() as unknown as DiskReplicaSpec['operation'],
  ...more,
});
const sha256 = () => createHash('sha256').update(content).digest('hex');
const fromImage = (): DiskReplicaSpec['source'] => ({
  kind: 'image',
  image,
  format: 'raw',
  sha256: sha256(),
  virtualBytes: content.length,
});
const base = (more: Partial<BaseReplicaSpec> = {}): BaseReplicaSpec => ({
  what: 'base',
  node,
  cluster,
  image,
  sha256: sha256(),
  format: 'raw',
  desired: 'present',
  ...more,
});
const create = (spec: DiskReplicaSpec) =>
  storage.perform['disk.create']({ do: 'disk.create', spec }, quiet, signal);
const remove = (spec: DiskReplicaSpec) =>
  storage.perform['disk.remove']({ do: 'disk.remove', spec: { ...spec, desired: 'absent' } }, quiet, signal);
const ensure = (spec: BaseReplicaSpec) =>
  storage.perform['base.ensure']({ do: 'base.ensure', spec }, quiet, signal);
const removeBase = (spec: BaseReplicaSpec) =>
  storage.perform['base.remove']({ do: 'base.remove', spec: { ...spec, desired: 'absent' } }, quiet, signal);
const folder = (name: string) => join(dir, 'agent/storage', cluster, name);
const names = (name: string) => readdir(folder(name)).catch(() => []);

describe('disks', () => {
  it.each(['file-qcow2', 'file-raw'] as const)('%s: made once, seen, removed', async (template) => {
    const spec = disk({ template });
    await create(spec);
    const before = await storage.observe();
    expect(before.disks).toMatchObject([{ disk: spec.disk, state: 'ready', template }]);
    await create(spec);
    expect(await storage.observe()).toEqual(before);
    await remove(spec);
    await remove(spec);
    expect((await storage.observe()).disks).toEqual([]);
  });

  it('from an image: fetched once, copied to raw or stood on', async () => {
    const [overlay, raw] = [
      disk({ source: fromImage() }),
      disk({ template: 'file-raw', source: fromImage() }),
    ];
    await create(overlay);
    await create(raw);
    expect(fetched).toBe(1);
    const { disks, bases } = await storage.observe();
    expect(bases).toMatchObject([{ sha256: sha256(), users: [overlay.disk] }]);
    const bytes = await readFile(disks.find(({ template }) => template === 'file-raw')?.path ?? '');
    expect(bytes.length).toBe(100 * MiB);
    expect(bytes.subarray(0, content.length).equals(content)).toBe(true);
    expect(bytes.subarray(content.length).every((byte) => byte === 0)).toBe(true);
  });

  it('refuses what the file system cannot hold, and a disk smaller than its base; nothing is left', async () => {
    storage = open(50 * MiB);
    await expect(create(disk())).rejects.toMatchObject({ code: 'disk_too_large' });
    storage = open(500 * MiB);
    const small = create(disk({ sizeBytes: 2 * MiB, source: fromImage() }));
    await expect(small).rejects.toMatchObject({ code: 'disk_too_small' });
    await expect(create(disk({ sizeBytes: 2 ** 52 }))).rejects.toMatchObject({ code: 'disk_too_large' });
    expect(await names('disks')).toEqual([]);
  });

  it('starts over what a killed agent left, and touches nobody else’s', async () => {
    const spec = disk({ template: 'file-raw' });
    const other = disk();
    await create(other);
    const [mine, foreign] = [
      `${spec.disk}.creating.${spec.operation}.raw`,
      `${spec.disk}.creating.${randomUUID()}.raw`,
    ];
    await writeFile(join(folder('disks'), mine), 'half');
    await writeFile(join(folder('disks'), foreign), 'not mine');
    expect((await storage.observe()).disks).toContainEqual(
      expect.objectContaining({ disk: spec.disk, state: 'creating', operation: spec.operation }),
    );
    await create(spec);
    expect((await names('disks')).sort()).toEqual(
      [`${other.disk}.ready.qcow2`, `${spec.disk}.ready.raw`, foreign].sort(),
    );
    await remove(spec);
    expect((await names('disks')).sort()).toEqual([`${other.disk}.ready.qcow2`, foreign].sort());
  });

  it('is taken back when the provider fails, is stopped, or the file system is full', async () => {
    const source: DiskReplicaSpec['source'] = { kind: 'os', os: { provider: 'x' } };
    const fill = async (path: string) => {
      await writeFile(path, 'begun');
      throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    };
    os = { content: async () => ({ kind: 'fill', fill }) };
    await expect(create(disk({ source }))).rejects.toMatchObject({ code: 'no_space' });
    os = { content: () => Promise.reject(err('mirror_unreachable', { mirror: 'm', why: 'w' })) };
    await expect(create(disk({ source }))).rejects.toMatchObject({ code: 'mirror_unreachable' });
    const stop = new AbortController();
    os = { content: async () => ({ kind: 'fill', fill: async () => stop.abort(new Error('cancelled')) }) };
    const action = { do: 'disk.create', spec: disk({ source, template: 'file-raw' }) } as const;
    await expect(storage.perform['disk.create'](action, quiet, stop.signal)).rejects.toThrow('cancelled');
    expect(await names('disks')).toEqual([]);
  });

  it('from a provider’s cache: taken over once, older ones swept when nothing stands on them', async () => {
    const source: DiskReplicaSpec['source'] = { kind: 'os', os: { provider: 'x' } };
    const serve = async (text: string) => {
      const path = join(dir, `cache-${text}`);
      await writeFile(path, text.padEnd(512));
      const digest = createHash('sha256').update(text).digest('hex');
      os = { content: async () => ({ kind: 'cached', path, sha256: digest }) };
      return `${digest}.raw`;
    };
    const first = await serve('first');
    const standing = disk({ source });
    await create(standing);
    const second = await serve('second');
    const gone = disk({ source });
    await create(gone);
    await remove(gone);
    expect((await names('os-bases')).sort()).toEqual([first, second].sort());
    const third = await serve('third');
    await create(disk({ source }));
    expect((await names('os-bases')).sort()).toEqual([first, third].sort());
    expect((await storage.observe()).bases).toEqual([]);
  });

  it('is not removed without a tombstone', async () => {
    const spec = disk();
    await create(spec);
    const action = { do: 'disk.remove', spec } as const;
    await expect(storage.perform['disk.remove'](action, quiet, signal)).rejects.toMatchObject({
      code: 'internal',
    });
    expect(await names('disks')).toHaveLength(1);
  });
});

describe('bases', () => {
  it('are fetched once, kept sparse, removed when nothing stands on them', async () => {
    await ensure(base());
    await ensure(base());
    expect(fetched).toBe(1);
    const { bases } = await storage.observe();
    const found = await stat(bases[0]?.path ?? '');
    expect(found.size).toBe(Math.ceil(content.length / 512) * 512);
    expect(found.blocks * 512).toBeLessThan(2 * MiB);
    const spec = disk({ source: fromImage() });
    await create(spec);
    await expect(removeBase(base())).rejects.toMatchObject({ code: 'in_use' });
    await remove(spec);
    await removeBase(base());
    expect(await names('bases')).toEqual([]);
  });

  it('are refused when content and digest differ', async () => {
    const wrong = base({ sha256: '0'.repeat(64) });
    await expect(ensure(wrong)).rejects.toMatchObject({ code: 'download_failed' });
    expect(await names('bases')).toEqual([]);
  });

  it('are refused when they are no qcow2 image but stated as one', async () => {
    await expect(ensure(base({ format: 'qcow2' }))).rejects.toMatchObject({ code: 'image_unsafe' });
    expect(await names('bases')).toEqual([]);
  });
});
