/** How a change of each part of a guest reaches a guest that runs: one table, the first line that fits decides. */
import type { Applies } from '@gantry/model';

export interface Application {
  readonly applies: Applies;
  readonly why: string;
}

/** The element is there on one side only, or something of it differs. */
export type Change = 'added' | 'removed' | 'changed';

interface Line extends Application {
  /** Of the path without `/domain/` and keys: `devices/disk/driver/@cache`. */
  readonly path: RegExp;
  readonly change?: readonly Change[];
}

const wholeOnly = ['added', 'removed'] as const;

const live = (path: RegExp, why: string, change?: readonly Change[]): Line => ({
  path,
  applies: 'live',
  why,
  ...(change ? { change } : {}),
});
const atStart = (path: RegExp, why: string): Line => ({ path, applies: 'next-start', why });

/** By what libvirt 9.0 and QEMU 7.2 do; https://libvirt.org/formatdomain.html names the calls. */
const table: readonly Line[] = [
  { path: /^(uuid|name)(\/|$)/, applies: 'never', why: 'it is who the guest is' },
  live(/^currentMemory(\/|$)/, 'the balloon gives and takes memory, up to what the guest has'),
  live(/^vcpu\/@current$/, 'virtual CPUs are plugged in and out, up to what the guest has'),
  live(/^on_(poweroff|reboot|crash)(\/|$)/, 'libvirt changes what it does when the guest ends'),
  live(
    /^cputune\/(shares|period|quota|(global|emulator|iothread)_(period|quota))(\/|$)/,
    'the kernel’s control group of the guest is changed',
  ),
  live(/^cputune\/(vcpupin|emulatorpin|iothreadpin)(\/|$)/, 'the host’s scheduler moves the threads'),
  live(/^vcpu\/@cpuset$/, 'the host’s scheduler moves the threads'),
  live(/^(memtune|blkiotune)(\/|$)/, 'the kernel’s control group of the guest is changed'),
  live(/^devices\/disk\/iotune(\/|$)/, 'QEMU throttles disks while it runs'),
  live(/^devices\/interface\/(bandwidth|link)(\/|$)/, 'the host’s end of the NIC is changed'),
  live(/^devices\/memballoon\/stats(\/|$)/, 'the balloon is asked more or less often'),
  live(
    /^devices\/(disk|interface|hostdev|redirdev|channel|rng|watchdog)$/,
    'it is plugged in or out',
    wholeOnly,
  ),
  live(/^devices\/(input|sound)$/, 'it is plugged in or out where it is on USB', wholeOnly),
  atStart(/^memory(\/|$)/, 'QEMU lays out memory when it starts'),
  atStart(/^(memoryBacking|numatune)(\/|$)/, 'QEMU takes its memory from there when it starts'),
  atStart(/^(vcpu|cpu)(\/|$)/, 'a guest keeps its CPU as long as QEMU runs'),
  atStart(/^(os|sysinfo)(\/|$)/, 'firmware, machine and boot are read when QEMU starts'),
  atStart(/^devices\/(disk|interface)\/boot(\/|$)/, 'the firmware reads the order when QEMU starts'),
  atStart(/^devices\/disk\//, 'QEMU opens a disk once; a reboot inside the guest keeps it open'),
  atStart(/^devices\//, 'a device is made when QEMU starts; a reboot inside the guest keeps it'),
];

const otherwise: Application = {
  applies: 'next-start',
  why: 'QEMU takes it when it starts; a reboot inside the guest keeps the same QEMU',
};

/** What lies in a CD drive (input-cds.ts names them). */
const OF_MEDIUM = /\/disk\[[sh]da[a-d]\]\/(source(\/|$)|driver\/@type$)/;

/** For a path such as `/domain/devices/disk[vda]/iotune`. */
export function application(path: string, change: Change): Application {
  if (OF_MEDIUM.test(path))
    return { applies: 'live', why: 'a CD is inserted and ejected while the guest runs' };
  const plain = path.replace(/^\/domain\/?/, '').replace(/\[[^\]]*\]/g, '');
  const line = table.find((one) => one.path.test(plain) && (one.change?.includes(change) ?? true));
  return line ? { applies: line.applies, why: line.why } : otherwise;
}
