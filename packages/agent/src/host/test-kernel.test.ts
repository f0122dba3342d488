import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BootKit } from '../os/boot-kit/boot-kit.ts';
import { findTestKernel } from './test-kernel.ts';

let dir: string;
let fetched: number;
const { signal } = new AbortController();
const kit: BootKit = {
  ...{
    release: '6.1.0-cloud',
    version: '6.1.1',
    kernel: '/kit/vmlinuz',
    initrd: '/kit/initrd',
    modules: '/kit/lib',
  },
  obtainedAtMs: 0,
};
const ofKit = { kernel: '/kit/vmlinuz', initrd: '/kit/initrd', version: '6.1.0-cloud 6.1.1' };

const find = (present: BootKit | undefined) =>
  findTestKernel(
    {
      kits: {
        present: async () => present,
        current: async () => {
          fetched++;
          return kit;
        },
      },
      initrd: join(dir, 'agent', 'kvm-test.img'),
      log: () => undefined,
      boot: dir,
      busybox: join(dir, 'busybox'),
    },
    signal,
  );

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-kernel-'));
  fetched = 0;
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it('takes what guests get, where it is there', async () => {
  await writeFile(join(dir, `vmlinuz-${release()}`), 'kernel');
  await writeFile(join(dir, 'busybox'), 'program');
  expect(await find(kit)).toEqual(ofKit);
  expect(fetched).toBe(0);
});

it('takes the kernel of this machine before it fetches one, each time with the same bytes', async () => {
  const own = join(dir, `vmlinuz-${release()}`);
  await writeFile(own, 'kernel');
  await writeFile(join(dir, 'busybox'), 'program');
  const initrd = join(dir, 'agent', 'kvm-test.img');
  expect(await find(undefined)).toEqual({ kernel: own, initrd, version: release() });
  const once = await readFile(initrd);
  expect(once.includes('program') && once.includes('GANTRY-SELFTEST')).toBe(true);
  await find(undefined);
  expect(await readFile(initrd)).toEqual(once);
  expect(fetched).toBe(0);
});

it.each([`vmlinuz-${release()}`, 'busybox'])('fetches one where there is only %s', async (name) => {
  await writeFile(join(dir, name), 'there');
  expect(await find(undefined)).toEqual(ofKit);
  expect(fetched).toBe(1);
});
