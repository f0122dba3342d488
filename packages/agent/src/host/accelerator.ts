/**
 * Whether KVM really runs a guest here. /dev/kvm alone does not tell: under nested virtualisation it may be there and
 * a stock kernel still hangs in it. So the kernel that guests use is booted once, and the answer kept as long as all
 * that it depends on stays the same.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import type { Accelerator } from '@gantry/model';
import type { Env } from '../env.ts';
import { type BootTest, type BootTestResult, bootTest } from './boot-test.ts';
import { writeDurably } from './durable.ts';

/** A kernel that guests of this node use, with its initramfs. */
export interface TestKernel {
  kernel: string;
  initrd: string;
  /** For people, and to know it again: release and package version. */
  version: string;
}

export interface AcceleratorOptions {
  /** DIR/agent/accelerator.json. */
  cachePath: string;
  qemu: string;
  qemuVersion(): Promise<string | undefined>;
  cpuModel(): Promise<string>;
  bootId(): string;
  /** May take long (download); asked only when /dev/kvm is there. */
  testKernel(signal: AbortSignal): Promise<TestKernel>;
  env: Pick<Env, 'log' | 'clock'>;
  limitMs?: number;
  kvmDevice?: string;
  /** For tests. */
  boot?: (test: BootTest, signal: AbortSignal) => Promise<BootTestResult>;
}

export interface AcceleratorTest {
  /**
   * The answer: the latest, the one of the test under way, or of a new test. Begin it at the agent's start, so that it
   * runs beside all else; whoever starts guests waits for the first one, for two minutes at most.
   * @throws the reason of the signal that ended the test
   */
  result(): Promise<Accelerator>;
  /**
   * Where the latest answer is none that lasts (there was no kernel to test with), or a guest hung, which load alone may
   * cause, looks once more, beside all else: what hung is tested again once, quietly, minutes later.
   */
  renew(): void;
  /**
   * Tests now, whatever is known: quietly, and with more time. A test that cannot be made changes nothing.
   * @throws the reason of the signal that ended the test
   */
  again(): Promise<Accelerator>;
  /** What is being done, for people; undefined: nothing. */
  doing(): string | undefined;
}

const LIMIT_MS = 10_000;
/** Of a test that is made again: the first may have hung for no more than load. */
const AGAIN_LIMIT_MS = 60_000;
const AGAIN_AFTER_MS = 5 * 60_000;
/** So long nobody may start a guest, at most: a mirror that does not answer must not keep the node from its work. */
const WAIT_MS = 120_000;

/** What the answer depends on. */
interface Circumstances {
  kernel: string;
  kernelVersion: string;
  kernelDigest: string;
  initrdDigest: string;
  qemu: string;
  qemuVersion: string;
  hostKernel: string;
  cpuModel: string;
}

interface Cached {
  circumstances: Circumstances;
  /** A good answer holds for longer; a bad one is tried again after each boot of the machine. */
  bootId: string;
  accelerator: Accelerator;
  /** A guest hung, and it was tested only once. */
  doubtful?: boolean;
}

/** @param signal ends a test under way; what it would have found is not kept */
export function acceleratorTest(options: AcceleratorOptions, signal: AbortSignal): AcceleratorTest {
  let latest: Found | undefined;
  let underWay: Promise<Found> | undefined;
  let doing: string | undefined;
  /** `bootMs` of the second test of what hung. */
  let dueMs: number | undefined;
  const { clock } = options.env;

  function look(again = false): Promise<Found> {
    const says = (what: string) => {
      doing = what;
    };
    if (underWay) return underWay;
    says('KVM is looked at');
    underWay = find(options, signal, says, again)
      .then(believe)
      .finally(() => {
        underWay = doing = undefined;
      });
    return underWay;
  }

  function believe(found: Found): Found {
    // that no test could be made says nothing against one that was
    if (found.untested && latest?.kept) return latest;
    latest = found;
    dueMs = found.doubtful ? clock.bootMs() + AGAIN_AFTER_MS : undefined;
    return found;
  }

  async function waited(look: Promise<Found>): Promise<Found> {
    const over = new AbortController();
    const late = clock.sleep(WAIT_MS, AbortSignal.any([signal, over.signal])).then(() => {
      latest ??= no(`not known yet: ${doing}`);
      return latest;
    });
    try {
      return await Promise.race([look, late]);
    } finally {
      late.catch(() => undefined);
      over.abort();
    }
  }

  return {
    result: async () => (latest ?? (await waited(look()))).accelerator,
    async again() {
      // one under way may have less time, or have begun before what is to be found out
      await underWay?.catch(() => undefined);
      return (await waited(look(true))).accelerator;
    },
    renew() {
      const due = dueMs !== undefined && clock.bootMs() >= dueMs;
      if (latest && (!latest.kept || due))
        look(due).catch((error: unknown) =>
          options.env.log('warn', 'KVM could not be tested', { why: message(error) }),
        );
    },
    doing: () => doing,
  };
}

interface Found {
  accelerator: Accelerator;
  kept: boolean;
  doubtful?: boolean;
  /** There was nothing to test it with. */
  untested?: boolean;
}

const no = (reason: string): Found => ({ accelerator: { kvm: false, reason }, kept: false });

async function find(
  options: AcceleratorOptions,
  signal: AbortSignal,
  says: (what: string) => void,
  again: boolean,
): Promise<Found> {
  const missing = await kvmFault(options.kvmDevice ?? '/dev/kvm');
  if (missing) return no(missing);
  const qemuVersion = await options.qemuVersion();
  if (qemuVersion === undefined) return no(`${options.qemu} is not installed`);
  let kernel: TestKernel;
  says('a kernel is being fetched to test KVM with');
  try {
    kernel = await options.testKernel(signal);
  } catch (error) {
    signal.throwIfAborted();
    return {
      ...no(`not tested, as there is no kernel to test it with: ${message(error)}`),
      untested: true,
    };
  }
  const circumstances = await circumstancesOf(options, kernel, qemuVersion);
  const cached = again ? undefined : await readCache(options.cachePath);
  if (cached && isValid(cached, circumstances, options.bootId()))
    return { accelerator: cached.accelerator, kept: true, doubtful: cached.doubtful ?? false };
  const how = { limitMs: options.limitMs ?? (again ? AGAIN_LIMIT_MS : LIMIT_MS), quiet: again };
  says(`a guest is being booted to test KVM, for ${how.limitMs / 1000} s at most`);
  const tested = await test(options, kernel, qemuVersion, how, signal);
  if (!tested) return no(`${options.qemu} is not installed`);
  const { accelerator, hung } = tested;
  const doubtful = hung && !again;
  await keep(options, {
    circumstances,
    bootId: options.bootId(),
    accelerator,
    ...(doubtful ? { doubtful } : {}),
  });
  return { accelerator, kept: true, doubtful };
}

async function test(
  options: AcceleratorOptions,
  { kernel, initrd, version }: TestKernel,
  qemuVersion: string,
  how: Pick<BootTest, 'limitMs' | 'quiet'>,
  signal: AbortSignal,
): Promise<{ accelerator: Accelerator; hung: boolean } | undefined> {
  const { qemu, env, boot = bootTest } = options;
  env.log('info', 'finding out whether KVM runs a guest', { kernel, ...how });
  const result = await boot({ qemu, accelerator: 'kvm', kernel, initrd, ...how }, signal);
  if (!result.booted && result.how === 'not-installed') return undefined;
  const accelerator: Accelerator = {
    kvm: result.booted,
    reason: reasonOf(result, how.limitMs),
    testedWith: `kernel ${version}, QEMU ${qemuVersion}`,
  };
  env.log(result.booted ? 'info' : 'warn', 'KVM was tested', { ...accelerator });
  return { accelerator, hung: !result.booted && result.how === 'hung' };
}

export function reasonOf(result: BootTestResult, limitMs: number): string {
  if (result.booted) return 'a guest booted under KVM';
  if (result.how === 'hung')
    return `KVM is there but a guest did not reach its init within ${limitMs / 1000} s; guests run by emulation (TCG)`;
  const why = result.how === 'ended' ? result.why : 'QEMU is not installed';
  return `KVM is there but QEMU ended before the guest reached its init (${why}); guests run by emulation (TCG)`;
}

/** Why KVM cannot even be tried. */
async function kvmFault(device: string): Promise<string | undefined> {
  try {
    await (await open(device, constants.O_RDWR)).close();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? `${device} is not there: no hardware virtualisation, or it is switched off, or the kvm module is not loaded; guests run by emulation (TCG)`
      : `${device} cannot be opened (${code}); guests run by emulation (TCG)`;
  }
}

async function circumstancesOf(
  { qemu, cpuModel }: AcceleratorOptions,
  { kernel, initrd, version }: TestKernel,
  qemuVersion: string,
): Promise<Circumstances> {
  const [kernelDigest, initrdDigest, model] = await Promise.all([digest(kernel), digest(initrd), cpuModel()]);
  return {
    kernel,
    kernelVersion: version,
    kernelDigest,
    initrdDigest,
    qemu,
    qemuVersion,
    hostKernel: release(),
    cpuModel: model,
  };
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path);
  try {
    // one buffer for all of it: what a stream would allocate stays with the idle agent
    const buffer = Buffer.allocUnsafe(256 * 1024);
    for (let read = await file.read(buffer); read.bytesRead > 0; read = await file.read(buffer))
      hash.update(buffer.subarray(0, read.bytesRead));
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

const isValid = (cached: Cached, now: Circumstances, bootId: string): boolean =>
  JSON.stringify(cached.circumstances) === JSON.stringify(now) &&
  (cached.accelerator.kvm || cached.bootId === bootId);

/** Whatever cannot be read is no answer: it is found anew. */
async function readCache(path: string): Promise<Cached | undefined> {
  try {
    const cached = JSON.parse(await readFile(path, 'utf8')) as Cached;
    return typeof cached.accelerator.kvm === 'boolean' && typeof cached.accelerator.reason === 'string'
      ? cached
      : undefined;
  } catch {
    return undefined;
  }
}

/** An answer that cannot be kept (full disk) is still an answer. */
async function keep({ cachePath, env }: AcceleratorOptions, cached: Cached): Promise<void> {
  await writeDurably(cachePath, `${JSON.stringify(cached, null, 2)}\n`).catch((error: unknown) => {
    env.log('warn', 'the result of the KVM test could not be kept', { why: message(error) });
  });
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
