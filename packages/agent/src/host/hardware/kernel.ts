/** What the kernel lets the node do for guests: limit CPU time, lock memory, limit traffic, pass devices on. */
import { readFile } from 'node:fs/promises';
import { type Ability, formatBytes } from '@gantry/model';
import { ProcessError, type Run } from '../../process/run.ts';

const can = (reason: string): Ability => ({ usable: true, reason });
const cannot = (reason: string): Ability => ({ usable: false, reason });

/** cgroup file systems, from /proc/self/mountinfo: https://docs.kernel.org/filesystems/proc.html */
export function parseCgroups(mountinfo: string): { v1: string[]; v2: string[] } {
  const v1: string[] = [];
  const v2: string[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [type, , options = ''] = after.split(' ');
    if (type === 'cgroup') v1.push(...options.split(','));
    if (type === 'cgroup2') v2.push(before.split(' ')[4] ?? '');
  }
  return { v1, v2 };
}

/** libvirt limits CPU time through the cgroup controller `cpu`, of either version. */
export async function cpuTime(): Promise<Ability> {
  const { v1, v2 } = parseCgroups(await readFile('/proc/self/mountinfo', 'utf8'));
  if (v1.includes('cpu')) return can('cgroup v1 controller cpu');
  const controllers = await Promise.all(
    v2.map((mount) => readFile(`${mount}/cgroup.controllers`, 'utf8').catch(() => '')),
  );
  return controllers.some((list) => list.split(/\s+/).includes('cpu'))
    ? can('cgroup v2 controller cpu')
    : cannot('the kernel offers no cgroup controller for CPU time here');
}

const CAP_SYS_RESOURCE = 24n;
/** More than any guest has: the limit does not matter. */
const MUCH_BYTES = 2n ** 60n;

/** libvirt raises QEMU's limit (RLIMIT_MEMLOCK), which needs the right to do so, or a limit that is high enough. */
export function parseLockedMemory(status: string, limits: string): Ability {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  if ((effective >> CAP_SYS_RESOURCE) & 1n) return can('libvirt may raise the limit of locked memory');
  const hard = /^Max locked memory\s+\S+\s+(\S+)/m.exec(limits)?.[1] ?? '0';
  if (hard === 'unlimited' || (/^\d+$/.test(hard) && BigInt(hard) >= MUCH_BYTES))
    return can('locked memory is not limited');
  return cannot(
    `at most ${formatBytes(Number(hard))} may be locked, and raising that needs CAP_SYS_RESOURCE, which daemons do not have here`,
  );
}

export const lockedMemory = async (): Promise<Ability> =>
  parseLockedMemory(await readFile('/proc/self/status', 'utf8'), await readFile('/proc/self/limits', 'utf8'));

/** What libvirt does for `<bandwidth>`: a tree of htb and sfq one way, a policer the other. */
const qdiscs = `qdisc add dev lo root handle 1: htb default 1
class add dev lo parent 1: classid 1:1 htb rate 1mbit
qdisc add dev lo parent 1:1 handle 2: sfq perturb 10
qdisc add dev lo ingress
filter add dev lo parent ffff: protocol all u32 match u32 0 0 police rate 1mbit burst 10k mtu 64kb drop flowid :1
`;

const missing = ['', 'htb', 'htb', 'sfq', 'ingress', 'u32 or police'];

/** Tried on the loopback of a network namespace that ends with the trial: kernels do not list what they can. */
export async function trafficLimits(run: Run, signal?: AbortSignal): Promise<Ability> {
  try {
    await run(['unshare', '--net', '--', 'tc', '-batch', '-'], { stdin: qdiscs, timeoutMs: 10_000, signal });
    return can('htb, sfq and police were tried');
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    const line = Number(/Command failed -:(\d+)/.exec(error.stderr)?.[1] ?? 0);
    const what = missing[line];
    return cannot(what ? `the kernel has no ${what} for traffic` : `tc cannot be used: ${error.message}`);
  }
}
