/** libvirt that takes its time: nobody is told that it cannot be reached, nobody waits for ever, its answer counts. */
import type { LibvirtClient } from '@gantry/libvirt';
import { beforeEach, expect, test } from 'vitest';
import { type KeptCapabilities, keptCapabilities } from './kept-capabilities.ts';

const XML = `<capabilities><host><cpu><arch>x86_64</arch></cpu></host><guest><os_type>hvm</os_type>
  <arch name='x86_64'><emulator>/usr/bin/qemu-system-x86_64</emulator></arch></guest></capabilities>`;

let nowMs: number;
let sleepers: { untilMs: number; wake: () => void }[];
/** Questions that libvirt has not answered. */
let questions: PromiseWithResolvers<string>[];
let kept: KeptCapabilities;

const clock = {
  now: () => nowMs,
  bootMs: () => nowMs,
  sleep: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((wake, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
      sleepers.push({ untilMs: nowMs + ms, wake });
    }),
};
const pass = async (ms: number) => {
  nowMs += ms;
  for (const { untilMs, wake } of sleepers) if (untilMs <= nowMs) wake();
  await new Promise(setImmediate);
};

beforeEach(() => {
  nowMs = 0;
  sleepers = [];
  questions = [];
  const lv = {
    connectGetCapabilities: () => {
      const question = Promise.withResolvers<string>();
      questions.push(question);
      return question.promise;
    },
  } as Partial<LibvirtClient> as LibvirtClient;
  kept = keptCapabilities({ aside: (work) => work(lv) }, { clock, node: () => 'n1' });
});

test('whoever waits is told for what, and gives up; the question goes on and its answer counts', async () => {
  const told: string[] = [];
  const first = kept.read((what) => told.push(what));
  await pass(2000);
  expect(told).toEqual(['libvirt examines QEMU to tell what guests may have here, for 2 s so far']);
  const refused = expect(first).rejects.toMatchObject({
    code: 'hypervisor_slow',
    message:
      'libvirt on n1 has not answered yet: libvirt examines QEMU to tell what guests may have here, for 30 s so far',
  });
  await pass(28_000);
  await refused;
  const second = kept.read();
  expect(kept.doing()).toContain('30 s so far');
  questions[0]?.resolve(XML);
  expect(await second).toMatchObject({ emulator: '/usr/bin/qemu-system-x86_64' });
  expect([questions.length, kept.doing()]).toEqual([1, undefined]);
});

test('an answer at once tells nothing, and is asked for once', async () => {
  const both = [kept.read(), kept.read()];
  questions[0]?.resolve(XML);
  const [one, other] = await Promise.all(both);
  expect(one).toBe(other);
  expect(await kept.read(() => expect.unreachable('nothing is waited for'))).toBe(one);
  await pass(60_000);
  expect(questions).toHaveLength(1);
});

test('after a failure it is asked anew, and after libvirt was restarted', async () => {
  const first = kept.read();
  questions[0]?.reject(new Error('it ended'));
  await expect(first).rejects.toThrow('it ended');
  const second = kept.read();
  questions[1]?.resolve(XML);
  await second;
  kept.forget();
  void kept.read();
  expect(questions).toHaveLength(3);
});
