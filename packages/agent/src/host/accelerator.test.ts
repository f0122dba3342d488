import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Env } from '../env.ts';
import { type AcceleratorOptions, type AcceleratorTest, acceleratorTest } from './accelerator.ts';
import type { BootTest, BootTestResult } from './boot-test.ts';

let dir: string;
let boots: number;
let bootMs: number;
/** Of sleeps under way: ends them. */
let wake: () => void;
const clock: Env['clock'] = {
  now: () => 0,
  bootMs: () => bootMs,
  sleep: (_ms, signal) =>
    new Promise((resolve, reject) => {
      wake = resolve;
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
    }),
};
const forever = new AbortController().signal;

/** Options with a kernel and a device that are there, and a boot that ends as said. */
const options = (result: BootTestResult, change: Partial<AcceleratorOptions> = {}): AcceleratorOptions => ({
  cachePath: join(dir, 'accelerator.json'),
  qemu: 'qemu-system-x86_64',
  qemuVersion: async () => '7.2.22',
  cpuModel: async () => 'AMD EPYC',
  bootId: () => 'boot-1',
  testKernel: async () => ({ kernel: join(dir, 'vmlinuz'), initrd: join(dir, 'initrd'), version: '6.1.0' }),
  env: { log: () => undefined, clock },
  kvmDevice: '/dev/null',
  boot: async () => {
    boots++;
    return result;
  },
  ...change,
});
const ask = (given: AcceleratorOptions) => acceleratorTest(given, forever).result();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-accelerator-'));
  await writeFile(join(dir, 'vmlinuz'), 'kernel');
  await writeFile(join(dir, 'initrd'), 'initrd');
  boots = 0;
  bootMs = 0;
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const hung: BootTestResult = { booted: false, how: 'hung' };

describe('acceleratorTest', () => {
  it('says what it saw', async () => {
    expect(await ask(options({ booted: true }))).toEqual({
      kvm: true,
      reason: 'a guest booted under KVM',
      testedWith: 'kernel 6.1.0, QEMU 7.2.22',
    });
    expect((await ask(options(hung, { bootId: () => 'x', cpuModel: async () => 'y' }))).reason).toContain(
      'KVM is there but a guest did not reach its init within 10 s',
    );
  });

  it('boots nothing without the device, and asks for no kernel', async () => {
    const testKernel = () => expect.unreachable('no kernel is needed');
    const answer = await ask(options(hung, { kvmDevice: join(dir, 'kvm'), testKernel }));
    expect(answer).toMatchObject({ kvm: false, reason: expect.stringContaining('is not there') });
    expect(boots).toBe(0);
  });

  it.each([
    ['nothing', {}, 1],
    ['QEMU', { qemuVersion: async () => '8.0' }, 2],
    ['the CPU', { cpuModel: async () => 'other' }, 2],
    ['the boot, after a good answer', { bootId: () => 'boot-2' }, 1],
  ])('tests once more after a change of %s: in all %3$s', async (_what, change, times) => {
    await ask(options({ booted: true }));
    await ask(options({ booted: true }, change));
    expect(boots).toBe(times);
  });

  it('tests again when kernel or initramfs have other content, or the last answer was bad and the machine booted', async () => {
    await ask(options(hung));
    await ask(options(hung));
    expect(boots).toBe(1);
    await writeFile(join(dir, 'vmlinuz'), 'newer');
    await ask(options(hung));
    expect(boots).toBe(2);
    await writeFile(join(dir, 'initrd'), 'newer');
    await ask(options(hung));
    expect(boots).toBe(3);
    await ask(options(hung, { bootId: () => 'boot-2' }));
    expect(boots).toBe(4);
  });

  it('keeps nothing of a test that was stopped', async () => {
    const abort = new AbortController();
    const stopped = options(hung, {
      boot: (_test, signal) => {
        const over = new Promise<never>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
        abort.abort(new Error('agent stops'));
        return over;
      },
    });
    const answer = acceleratorTest(stopped, abort.signal).result();
    await expect(answer).rejects.toThrow('agent stops');
    await expect(readFile(stopped.cachePath)).rejects.toThrow('ENOENT');
  });

  it('runs one test for all who ask', async () => {
    const test = acceleratorTest(options({ booted: true }), forever);
    await Promise.all([test.result(), test.result()]);
    await test.result();
    expect(boots).toBe(1);
  });

  it('looks again when asked to where there was no kernel, and lets nobody wait for it', async () => {
    let mirror: PromiseWithResolvers<void> | undefined;
    const given = options({ booted: true });
    const testKernel: AcceleratorOptions['testKernel'] = async (signal) => {
      if (!mirror) throw new Error('mirror down');
      await mirror.promise;
      return given.testKernel(signal);
    };
    const test = acceleratorTest({ ...given, testKernel }, forever);
    expect(await test.result()).toMatchObject({ kvm: false, reason: expect.stringContaining('mirror down') });
    mirror = Promise.withResolvers();
    test.renew();
    test.renew();
    expect((await test.result()).reason).toContain('mirror down');
    await expect.poll(() => test.doing() ?? '').toContain('a kernel is being fetched');
    mirror.resolve();
    await expect.poll(async () => (await test.result()).kvm).toBe(true);
    test.renew();
    expect([boots, test.doing()]).toEqual([1, undefined]);
  });

  it('is waited for so long and no longer, and still believed when it comes', async () => {
    const mirror = Promise.withResolvers<void>();
    const given = options({ booted: true });
    const testKernel: AcceleratorOptions['testKernel'] = async (signal) => {
      await mirror.promise;
      return given.testKernel(signal);
    };
    const test = acceleratorTest({ ...given, testKernel }, forever);
    const first = test.result();
    await expect.poll(() => test.doing() ?? '').toContain('a kernel is being fetched');
    wake();
    expect(await first).toEqual({
      kvm: false,
      reason: 'not known yet: a kernel is being fetched to test KVM with',
    });
    mirror.resolve();
    await expect.poll(async () => (await test.result()).kvm).toBe(true);
  });

  describe('a guest that hung', () => {
    const tests: BootTest[] = [];
    const given = (results: BootTestResult[]) => {
      tests.length = 0;
      return options(hung, {
        boot: async (test) => {
          tests.push(test);
          return results[tests.length - 1] ?? hung;
        },
      });
    };
    const MINUTES = 60_000;
    const later = async (test: AcceleratorTest) => {
      bootMs += 5 * MINUTES;
      test.renew();
      await expect.poll(() => test.doing()).toBeUndefined();
    };

    it('is tested again once, minutes later, quietly and with more time', async () => {
      const test = acceleratorTest(given([hung, { booted: true }]), forever);
      expect((await test.result()).kvm).toBe(false);
      test.renew();
      bootMs = 4 * MINUTES;
      test.renew();
      expect(tests).toHaveLength(1);
      await later(test);
      expect((await test.result()).kvm).toBe(true);
      await later(test);
      expect(tests).toMatchObject([
        { limitMs: 10_000, quiet: false },
        { limitMs: 60_000, quiet: true },
      ]);
    });

    it('that hangs again stays hung until the machine boots, also for the next agent', async () => {
      const test = acceleratorTest(given([]), forever);
      await test.result();
      await later(test);
      expect((await test.result()).reason).toContain('within 60 s');
      await later(test);
      const next = acceleratorTest(given([]), forever);
      expect((await next.result()).reason).toContain('within 60 s');
      await later(next);
      expect(tests).toHaveLength(0);
    });

    it('before whose second test the agent ends is tested by the next one', async () => {
      const both = given([hung, { booted: true }]);
      await acceleratorTest(both, forever).result();
      const next = acceleratorTest(both, forever);
      expect((await next.result()).kvm).toBe(false);
      await later(next);
      expect((await next.result()).kvm).toBe(true);
    });
  });

  describe('asked to test now', () => {
    it('believes what it sees, and nothing that was kept', async () => {
      await ask(options({ booted: true }));
      const test = acceleratorTest(options(hung), forever);
      expect((await test.result()).kvm).toBe(true);
      expect((await test.again()).kvm).toBe(false);
      expect((await ask(options({ booted: true }))).kvm).toBe(false);
    });

    it('goes by what it knows where there is nothing to test with', async () => {
      const given = options({ booted: true });
      let mirror = true;
      const test = acceleratorTest(
        {
          ...given,
          testKernel: (signal) =>
            mirror ? given.testKernel(signal) : Promise.reject(new Error('mirror down')),
        },
        forever,
      );
      await test.result();
      mirror = false;
      expect((await test.again()).kvm).toBe(true);
    });
  });

  it('has no answer that lasts without QEMU', async () => {
    const without = await ask(options(hung, { qemuVersion: async () => undefined }));
    expect(without.reason).toContain('is not installed');
  });

  it.each(['', '{', 'null', '{"accelerator":{"kvm":"yes"}}'])(
    'does not believe a damaged cache: %j',
    async (text) => {
      await writeFile(join(dir, 'accelerator.json'), text);
      expect((await ask(options({ booted: true }))).kvm).toBe(true);
      expect(boots).toBe(1);
    },
  );
});
