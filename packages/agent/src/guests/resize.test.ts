/** CPUs that are taken from a running guest, by what libvirt answers and counts; in virtual time. */
import { emulatedKeepsCpus } from '@gantry/guest';
import { LibvirtError, virErrorNumber } from '@gantry/libvirt';
import { expect, test } from 'vitest';
import { ids } from '../testing/assignments.ts';
import { type ResizeParts, setVcpus } from './resize.ts';

const refusal = (code: number, message: string) =>
  new LibvirtError({ code, domain: 10, level: 2, message, call: 'domainSetVcpusFlags' });
const timedOut = refusal(virErrorNumber.VIR_ERR_OPERATION_TIMEOUT, 'vcpu unplug request timed out');

interface Play {
  type?: 'kvm' | 'qemu';
  /** What setVcpus answers, in turn; after the last: done at once. */
  answers?: readonly Error[];
  /** ms of virtual time after which a CPU that libvirt gave up waiting for is gone all the same. */
  lateMs?: number;
}

async function shrink(to: number, { type = 'kvm', answers = [], lateMs = Number.POSITIVE_INFINITY }: Play) {
  const [left, asked] = [[...answers], [] as number[]];
  let [now, has, goesAt] = [0, 3, Number.POSITIVE_INFINITY];
  const looked = () => {
    if (now >= goesAt) [has, goesAt] = [has - 1, Number.POSITIVE_INFINITY];
    return has;
  };
  const sleep = async (ms: number) => {
    now += ms;
  };
  const dom = { name: 'web1-00000000', uuid: ids.instance, id: 1 };
  const mark = `<g:guest xmlns:g='https://gantry.invalid/xmlns/guest/1'><g:cluster>${ids.cluster}</g:cluster>
    <g:instance>${ids.instance}</g:instance><g:epoch incarnation='1' number='1'/><g:name>web1</g:name></g:guest>`;
  const lv = {
    domainLookupByUuid: async () => dom,
    domainGetXmlDesc: async () => `<domain type='${type}'><uuid>${ids.instance}</uuid>
      <name>${dom.name}</name><metadata>${mark}</metadata><memory unit='MiB'>64</memory></domain>`,
    domainGetState: async () => ({ state: 1, reason: 1 }),
    domainGetInfo: async () => ({ nrVirtCpu: looked() }),
    domainSetVcpusFlags: async ({ nvcpus }: { nvcpus: number }) => {
      asked.push(nvcpus);
      const answer = left.shift();
      if (!answer) has = nvcpus;
      else {
        goesAt = now + lateMs;
        throw answer;
      }
    },
  };
  const parts = {
    session: { client: async () => lv, aside: (work: (own: typeof lv) => unknown) => work(lv) },
    directory: { readRecord: async () => undefined },
    member: { cluster: ids.cluster, node: 'node1' },
    clock: { now: () => now, bootMs: () => now, sleep },
    log: () => {},
    signal: new AbortController().signal,
  } as unknown as ResizeParts;
  const failure = await setVcpus(ids.instance, to, parts).then(
    () => undefined,
    (error: unknown) => error as { code?: string; message: string },
  );
  return { asked, failure, has: looked(), seconds: now / 1000 };
}

test('one at a time', async () => {
  expect(await shrink(1, {})).toEqual({ asked: [2, 1], failure: undefined, has: 1, seconds: 0 });
});

test('one that is given up after libvirt has stopped waiting is asked for once', async () => {
  const { asked, failure, has } = await shrink(1, { answers: [timedOut], lateMs: 40_000 });
  expect([asked, failure, has]).toEqual([[2, 1], undefined, 1]);
});

test('a guest that says nothing is told of after a minute', async () => {
  const { asked, failure, seconds } = await shrink(1, { answers: [timedOut] });
  expect([asked, seconds]).toEqual([[2], 60]);
  expect(failure).toMatchObject({
    code: 'guest_kept',
    message: expect.stringMatching(/^guest web1 keeps 3 virtual CPUs: .*60 s/),
  });
});

test('one that refuses, at once', async () => {
  const no = refusal(virErrorNumber.VIR_ERR_OPERATION_FAILED, 'unplug of device was rejected by the guest');
  const { asked, failure, seconds } = await shrink(1, { answers: [no] });
  expect([asked, failure?.code, seconds]).toEqual([[2], 'guest_kept', 0]);
});

test('what is no answer of the guest is passed on', async () => {
  const broken = refusal(virErrorNumber.VIR_ERR_INTERNAL_ERROR, 'out of order');
  expect((await shrink(1, { answers: [broken] })).failure).toBe(broken);
});

test('an emulated guest is not asked', async () => {
  const { asked, failure } = await shrink(1, { type: 'qemu' });
  expect([asked, failure?.code]).toEqual([[], 'guest_kept']);
  expect(failure?.message).toContain(emulatedKeepsCpus);
  expect((await shrink(4, { type: 'qemu' })).asked).toEqual([4]);
});
