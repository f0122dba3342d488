/** Facts of a real machine, and the self-test of its accelerator with a real QEMU and the kernel that guests use. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acceleratorTest, type TestKernel } from '../../packages/agent/src/host/accelerator.ts';
import { type BootTest, bootTest } from '../../packages/agent/src/host/boot-test.ts';
import { systemEnv } from '../../packages/agent/src/host/clock.ts';
import { bootId, qemuFacts } from '../../packages/agent/src/host/facts.ts';
import { createBootKits } from '../../packages/agent/src/os/boot-kit/boot-kit.ts';

const QEMU = 'qemu-system-x86_64';
const forever = new AbortController().signal;
const env = systemEnv({ level: 'error' });
let dir: string;
let kernel: TestKernel;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-host-'));
  const kits = createBootKits({
    cacheDir: process.env['GANTRY_CACHE'] ?? '/var/cache/gantry',
    now: env.clock.now,
    uuid: env.uuid,
  });
  const kit = await kits.current(() => undefined, forever);
  kernel = { kernel: kit.kernel, initrd: kit.initrd, version: `${kit.release} ${kit.version}` };
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const test = (change: Partial<BootTest> = {}): BootTest => ({
  qemu: QEMU,
  accelerator: 'tcg',
  limitMs: 600_000,
  ...kernel,
  ...change,
});

/** QEMUs that boot this test's initramfs: none may be left. */
const qemus = (initrd: string): string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(initrd);
    } catch {
      return false;
    }
  });

describe('bootTest', () => {
  it('sees the guests’ kernel reach its init', async () => {
    expect(await bootTest(test(), forever)).toEqual({ booted: true });
  });

  it('kills a guest that does not get there in time', async () => {
    const initrd = join(dir, 'late.img');
    await writeFile(initrd, readFileSync(kernel.initrd));
    expect(await bootTest(test({ initrd, limitMs: 300 }), forever)).toEqual({ booted: false, how: 'hung' });
    expect(qemus(initrd)).toEqual([]);
  });

  it('has the least claim to CPU time where it is to be quiet, and is killed all the same', async () => {
    const initrd = join(dir, 'quiet.img');
    await writeFile(initrd, readFileSync(kernel.initrd));
    const stop = new AbortController();
    const result = bootTest(test({ initrd, quiet: true, limitMs: 600_000 }), stop.signal).catch(String);
    /** Field 19 of proc(5), counted behind the name. */
    const nice = (pid: string) =>
      Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[16]);
    const running = () => qemus(initrd).filter((pid) => nice(pid) === 19);
    await expect.poll(running, { timeout: 60_000 }).toHaveLength(1);
    stop.abort(new Error('enough'));
    expect(await result).toMatch('enough');
    expect(qemus(initrd)).toEqual([]);
  });

  it('sees a guest that panics, and a QEMU that refuses', async () => {
    const initrd = join(dir, 'empty.img');
    await writeFile(initrd, '');
    expect(await bootTest(test({ initrd }), forever)).toMatchObject({ booted: false, how: 'ended' });
    const refused = await bootTest(test({ kernel: join(dir, 'none') }), forever);
    expect(refused).toMatchObject({
      how: 'ended',
      why: expect.stringContaining('could not open kernel file'),
    });
    const missing = await bootTest(test({ qemu: '/nonexistent/qemu' }), forever);
    expect(missing).toEqual({ booted: false, how: 'not-installed' });
  });

  it('leaves nothing when it is stopped', async () => {
    const initrd = join(dir, 'stopped.img');
    await writeFile(initrd, readFileSync(kernel.initrd));
    const stopped = bootTest(test({ initrd }), AbortSignal.timeout(400));
    await expect(stopped).rejects.toThrow(/timeout/i);
    expect(qemus(initrd)).toEqual([]);
  });
});

describe('acceleratorTest', () => {
  it('finds out once whether KVM runs a guest here, and says why not', async () => {
    let boots = 0;
    // the kernel’s own may be that of a guest of somebody else
    const initrd = join(dir, 'accelerator.img');
    await writeFile(initrd, readFileSync(kernel.initrd));
    const options = {
      cachePath: join(dir, 'accelerator.json'),
      qemu: QEMU,
      qemuVersion: async () => (await qemuFacts(QEMU)).qemuVersion,
      cpuModel: async () => 'the same',
      bootId,
      testKernel: async () => ({ ...kernel, initrd }),
      env,
      boot: (given: BootTest, signal: AbortSignal) => {
        boots++;
        return bootTest(given, signal);
      },
    };
    const first = await acceleratorTest(options, forever).result();
    console.log(`accelerator here: ${JSON.stringify(first)}`);
    const began = performance.now();
    const again = await acceleratorTest(options, forever).result();
    console.log(`answered from the cache in ${Math.round(performance.now() - began)} ms`);
    expect(again).toEqual(first);
    expect(boots).toBeLessThanOrEqual(1);
    expect(first.reason).toMatch(first.kvm ? /booted under KVM/ : /emulation/);
    expect(qemus(initrd)).toEqual([]);
  });
});
