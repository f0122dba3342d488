/** The suite that every storage driver passes. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskReplicaSpec, DiskTemplate } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../packages/agent/src/process/run.ts';
import type { DiskContent, StorageDriver } from '../../../packages/agent/src/storage/storage-driver.ts';

const MiB = 2 ** 20;
const id = <T>(): T => randomUUID() as unknown as T;

export const diskSpec = (more: Partial<DiskReplicaSpec> = {}): DiskReplicaSpec => ({
  what: 'disk',
  node: id(),
  cluster: id(),
  disk: id(),
  desired: 'present',
  template: 'file-qcow2',
  sizeBytes: 64 * MiB,
  source: { kind: 'blank' },
  operation: id(),
  ...more,
});

/** @param open a driver that keeps its things below `directory` and believes that `free` bytes can be written */
export function storageDriverConformance(
  name: string,
  template: DiskTemplate,
  open: (directory: string, free: () => Promise<number>) => StorageDriver,
): void {
  describe(name, () => {
    const signal = new AbortController().signal;
    let dir: string;
    let free: number;
    let driver: StorageDriver;
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'gantry-driver-'));
      free = 2 ** 40;
      driver = open(dir, async () => free);
    });
    afterEach(() => rm(dir, { recursive: true }));

    const spec = (more: Partial<DiskReplicaSpec> = {}) => diskSpec({ template, ...more });
    const blank: DiskContent = { kind: 'blank' };
    const pattern = (byte: number): DiskContent => ({
      kind: 'fill',
      fill: async (path) => {
        await run(['qemu-io', '-f', 'raw', '-c', `write -P ${byte} 1M 1M`, path]);
      },
    });
    const format = template === 'file-raw' ? 'raw' : 'qcow2';
    const read = (path: string, ...wanted: string[]) =>
      run(['qemu-io', '-r', '-f', format, ...wanted.flatMap((text) => ['-c', `read -P ${text}`]), path]);
    const sizeOf = async (path: string) =>
      (
        JSON.parse((await run(['qemu-img', 'info', '-f', format, '--output=json', path])).stdout) as Record<
          string,
          number
        >
      )['virtual-size'];

    it('a blank disk has its size and reads as zeros', async () => {
      const { path } = await driver.create(spec(), blank, signal);
      expect(await sizeOf(path)).toBe(64 * MiB);
      await read(path, '0 0 64M');
    });

    it('a filled disk reads as filled', async () => {
      const { path, allocatedBytes } = await driver.create(spec(), pattern(0x42), signal);
      await read(path, '0 0 1M', '0x42 1M 1M', '0 2M 62M');
      expect(await sizeOf(path)).toBe(64 * MiB);
      expect(allocatedBytes).toBeGreaterThanOrEqual(MiB);
      expect(allocatedBytes).toBeLessThan(4 * MiB);
    });

    it('a disk from a base reads as the base, then as zeros, and leaves the base alone', async () => {
      const base = join(dir, 'base.raw');
      await writeFile(base, Buffer.alloc(MiB, 0x41));
      const { path } = await driver.create(
        spec(),
        { kind: 'base', base: { path: base, sizeBytes: MiB } },
        signal,
      );
      await read(path, '0x41 0 1M', '0 1M 63M');
      await run(['qemu-io', '-f', format, '-c', 'write -P 9 0 1M', path]);
      await run(['qemu-io', '-r', '-f', 'raw', '-c', 'read -P 0x41 0 1M', base]);
    });

    it('lists what is ready, finds it, and making it again changes nothing', async () => {
      const wanted = spec();
      expect(await driver.find(wanted)).toBeUndefined();
      const made = await driver.create(wanted, pattern(1), signal);
      const { disk, sizeBytes } = wanted;
      expect(await driver.list()).toEqual([{ disk, state: 'ready', template, path: made.path, sizeBytes }]);
      expect((await driver.create(wanted, pattern(2), signal)).path).toBe(made.path);
      expect((await driver.find(wanted))?.path).toBe(made.path);
      await read(made.path, '1 1M 1M');
    });

    it('fails without a trace, and succeeds when tried again', async () => {
      const wanted = spec();
      const broken: DiskContent = { kind: 'fill', fill: () => Promise.reject(new Error('broken')) };
      await expect(driver.create(wanted, broken, signal)).rejects.toThrow('broken');
      expect(await driver.list()).toEqual([]);
      await driver.create(wanted, blank, signal);
      expect(await driver.list()).toMatchObject([{ state: 'ready' }]);
    });

    it('stops when it is told to', async () => {
      const stop = new AbortController();
      const fill = () => {
        const over = new Promise<void>((_, reject) =>
          stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error)),
        );
        stop.abort(new Error('cancelled'));
        return over;
      };
      const making = driver.create(spec(), { kind: 'fill', fill }, stop.signal);
      await expect(making).rejects.toThrow('cancelled');
      expect(await driver.list()).toEqual([]);
    });

    it('shows a disk that is being made as its operation’s', async () => {
      const wanted = spec();
      let seen: unknown;
      const fill = async () => {
        seen = await driver.list();
      };
      await driver.create(wanted, { kind: 'fill', fill }, signal);
      expect(seen).toMatchObject([{ disk: wanted.disk, state: 'creating', operation: wanted.operation }]);
    });

    it('removes its disk and no other, any number of times', async () => {
      const [mine, other] = [spec(), spec()];
      await driver.create(mine, blank, signal);
      await driver.create(other, blank, signal);
      await driver.remove(mine);
      await driver.remove(mine);
      expect(await driver.list()).toMatchObject([{ disk: other.disk }]);
    });

    it('refuses what does not fit', async () => {
      free = MiB;
      await expect(driver.create(spec(), blank, signal)).rejects.toMatchObject({ code: 'disk_too_large' });
      free = 2 ** 40;
      const base = { path: join(dir, 'none'), sizeBytes: 65 * MiB };
      const small = driver.create(spec(), { kind: 'base', base }, signal);
      await expect(small).rejects.toMatchObject({ code: 'disk_too_small' });
      expect(await driver.list()).toEqual([]);
    });
  });
}
