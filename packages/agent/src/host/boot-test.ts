/** Boots the guests' kernel in a QEMU of its own, without libvirt, until its init speaks on the serial line. */
import { SELFTEST_LINE } from '../os/boot-kit/init-script.ts';
import { selftestArgs } from '../os/boot-kit/kernel-args.ts';
import { ProcessError, type Run, run as runProgram } from '../process/run.ts';

export interface BootTest {
  /** Program of QEMU. */
  qemu: string;
  accelerator: 'kvm' | 'tcg';
  kernel: string;
  /** An initramfs which, without root=, prints SELFTEST_LINE and powers off. */
  initrd: string;
  limitMs: number;
  /** With the least claim to CPU time: guests run beside it. */
  quiet?: boolean;
}

export type BootTestResult =
  | { booted: true }
  | { booted: false; how: 'hung' }
  | { booted: false; how: 'ended'; why: string }
  | { booted: false; how: 'not-installed' };

/**
 * Nothing of it is left when this returns or throws: QEMU is killed and reaped, and dies with the agent.
 * @throws the signal's reason when it aborts: then nothing is known
 */
export async function bootTest(
  test: BootTest,
  signal: AbortSignal,
  run: Run = runProgram,
): Promise<BootTestResult> {
  const spoke = new AbortController();
  let booted = false;
  try {
    const { stderr } = await run(argv(test), {
      timeoutMs: test.limitMs,
      signal: AbortSignal.any([signal, spoke.signal]),
      okCodes: Array.from({ length: 256 }, (_, code) => code),
      keepBytes: 16_384,
      onOutput(line, stream) {
        if (stream !== 'stdout' || !line.includes(SELFTEST_LINE)) return;
        booted = true;
        spoke.abort();
      },
    });
    return booted ? { booted } : { booted: false, how: 'ended', why: lastLine(stderr) };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    if (booted) return { booted: true };
    signal.throwIfAborted();
    if (error.reason === 'timeout') return { booted: false, how: 'hung' };
    if (error.reason === 'not-found') return { booted: false, how: 'not-installed' };
    return { booted: false, how: 'ended', why: error.message.replace(/^nice\b/, test.qemu) };
  }
}

/** The CPU is the host's, as guests under KVM get it; no disk, no network, 128 MiB. */
const argv = ({ qemu, accelerator, kernel, initrd, quiet }: BootTest): [string, ...string[]] => [
  ...(quiet ? nice(qemu) : ([qemu] as const)),
  ...['-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max'],
  ...['-machine', 'q35', '-m', '128', '-nodefaults', '-no-user-config', '-no-reboot'],
  ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio'],
  ...['-kernel', kernel, '-initrd', initrd, '-append', selftestArgs(accelerator)],
];

const nice = (program: string) => ['nice', '-n', '19', program] as const;

const lastLine = (text: string): string =>
  text.trimEnd().split('\n').at(-1)?.slice(0, 300) || 'it said nothing';
