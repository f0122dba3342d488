/** libvirt's counters of running domains as Gantry's, one call for all of them. */
import { basename } from 'node:path';
import type { LibvirtClient, TypedParams } from '@gantry/libvirt';
import { virDomainStatsTypes as Stats, virConnectGetAllDomainStatsFlags as Which } from '@gantry/libvirt';
import type { GuestStats, InstanceId } from '@gantry/model';
import { parseDiskName } from '../storage/layout.ts';

const WANTED =
  Stats.VIR_DOMAIN_STATS_CPU_TOTAL |
  Stats.VIR_DOMAIN_STATS_BALLOON |
  Stats.VIR_DOMAIN_STATS_VCPU |
  Stats.VIR_DOMAIN_STATS_INTERFACE |
  Stats.VIR_DOMAIN_STATS_BLOCK;

/** A domain whose QEMU is busy tells what libvirt knows by itself: one guest must not hold up the others. */
const FLAGS = Which.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | Which.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;

/** Of the instances among them that run here. */
export async function readStats(
  lv: LibvirtClient,
  instances: readonly string[],
  nowMs: number,
): Promise<GuestStats[]> {
  const wanted = new Set(instances);
  const all = await lv.connectGetAllDomainStats({ doms: [], stats: WANTED, flags: FLAGS >>> 0 });
  return all
    .filter(({ dom }) => wanted.has(dom.uuid))
    .map(({ dom, params }) => guestStats(dom.uuid as InstanceId, params, new Date(nowMs).toISOString()));
}

/** Names as in libvirt's virConnectGetAllDomainStats: nanoseconds, KiB for memory, bytes for devices. */
export function guestStats(instance: InstanceId, params: TypedParams, at: string): GuestStats {
  const read = reader(params);
  return {
    instance,
    at,
    cpu: {
      timeMs: read.ms('cpu.time') ?? 0,
      ...read.some('userMs', read.ms('cpu.user')),
      ...read.some('systemMs', read.ms('cpu.system')),
      vcpus: read.number('vcpu.current') ?? 0,
    },
    memory: memoryOf(read),
    disks: indexes(read.number('block.count')).flatMap((index) => diskOf(read, `block.${index}`)),
    nics: indexes(read.number('net.count')).map((index) => nicOf(read, index)),
  };
}

type Reader = ReturnType<typeof reader>;

function reader(params: TypedParams) {
  /** What is larger than a double can tell exactly is as good as the largest that it can. */
  const number = (key: string, divisor = 1n): number | undefined => {
    const value = params[key];
    if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
    const whole = BigInt(value) / divisor;
    if (whole < 0n) return 0;
    return Number(whole > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : whole);
  };
  const bytesOfKiB = (key: string): number | undefined => {
    const kib = number(key);
    return kib === undefined ? undefined : Math.min(kib * 1024, Number.MAX_SAFE_INTEGER);
  };
  return {
    number,
    bytesOfKiB,
    ms: (key: string) => number(key, 1_000_000n),
    text: (key: string) => (typeof params[key] === 'string' ? params[key] : ''),
    some: <K extends string>(key: K, value: number | undefined): { [key in K]?: number } =>
      value === undefined ? {} : ({ [key]: value } as { [key in K]?: number }),
  };
}

const memoryOf = (read: Reader): GuestStats['memory'] => ({
  currentBytes: read.bytesOfKiB('balloon.current') ?? 0,
  maximumBytes: read.bytesOfKiB('balloon.maximum') ?? 0,
  ...read.some('residentBytes', read.bytesOfKiB('balloon.rss')),
  ...read.some('usableBytes', read.bytesOfKiB('balloon.usable')),
  ...read.some('unusedBytes', read.bytesOfKiB('balloon.unused')),
  ...read.some('swappedInBytes', read.bytesOfKiB('balloon.swap_in')),
  ...read.some('swappedOutBytes', read.bytesOfKiB('balloon.swap_out')),
});

/** Devices that libvirt may name are bounded by what a domain can have. */
const MOST_DEVICES = 64;
const indexes = (count: number | undefined): number[] =>
  Array.from({ length: Math.min(count ?? 0, MOST_DEVICES) }, (_, index) => index);

/** Drives without a medium, and Gantry’s own seed, which the guest reads once, are left out. */
function diskOf(read: Reader, key: string): GuestStats['disks'] {
  const disk = parseDiskName(basename(read.text(`${key}.path`)))?.disk;
  if (disk === undefined) return [];
  return [
    {
      device: read.text(`${key}.name`),
      disk: disk as NonNullable<GuestStats['disks'][number]['disk']>,
      readBytes: read.number(`${key}.rd.bytes`) ?? 0,
      reads: read.number(`${key}.rd.reqs`) ?? 0,
      readMs: read.ms(`${key}.rd.times`) ?? 0,
      writtenBytes: read.number(`${key}.wr.bytes`) ?? 0,
      writes: read.number(`${key}.wr.reqs`) ?? 0,
      writeMs: read.ms(`${key}.wr.times`) ?? 0,
      flushes: read.number(`${key}.fl.reqs`) ?? 0,
      ...read.some('capacityBytes', read.number(`${key}.capacity`)),
      ...read.some('allocatedBytes', read.number(`${key}.allocation`)),
    },
  ];
}

function nicOf(read: Reader, index: number): GuestStats['nics'][number] {
  const count = (what: string) => read.number(`net.${index}.${what}`) ?? 0;
  return {
    index,
    device: read.text(`net.${index}.name`),
    receivedBytes: count('rx.bytes'),
    receivedPackets: count('rx.pkts'),
    receiveErrors: count('rx.errs'),
    receiveDrops: count('rx.drop'),
    sentBytes: count('tx.bytes'),
    sentPackets: count('tx.pkts'),
    sendErrors: count('tx.errs'),
    sendDrops: count('tx.drop'),
  };
}
