/**
 * What a running guest has used since QEMU started, as the hypervisor counts it. Counters only rise, and begin anew with
 * each start; rates are differences of two readings. Read when asked for, never stored.
 */
import { DiskId, InstanceId } from '../ids.ts';
import { count, optional, recordOf, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Bytes, Milliseconds } from '../units.ts';

export const CpuStats = strict({
  timeMs: Milliseconds('CPU time of QEMU, all threads'),
  userMs: optional(Milliseconds('of it in user mode, the guest’s code too')),
  systemMs: optional(Milliseconds('of it in the host’s kernel')),
  vcpus: count('virtual CPUs online'),
});

/** `usable` and `unused` are the guest’s own words through its balloon driver: absent where it has none. */
export const MemoryStats = strict({
  currentBytes: Bytes('given to the guest now: the balloon takes the rest'),
  maximumBytes: Bytes('most that it may be given'),
  residentBytes: optional(Bytes('of the host’s memory that QEMU holds')),
  usableBytes: optional(Bytes('the guest could use without swapping')),
  unusedBytes: optional(Bytes('the guest uses for nothing')),
  swappedInBytes: optional(Bytes('read from the guest’s own swap')),
  swappedOutBytes: optional(Bytes('written to the guest’s own swap')),
});

export const DiskStats = strict({
  device: Type.String({ description: 'target in the domain: vda' }),
  disk: optional(DiskId),
  readBytes: Bytes('read'),
  reads: count('read requests'),
  readMs: Milliseconds('spent on reads'),
  writtenBytes: Bytes('written'),
  writes: count('write requests'),
  writeMs: Milliseconds('spent on writes'),
  flushes: count('flush requests'),
  capacityBytes: optional(Bytes('size that the guest sees')),
  allocatedBytes: optional(Bytes('highest offset in use')),
});

/** As the guest sees it: `received` is what came to it. */
export const NicStats = strict({
  index: count('place among the instance’s NICs'),
  device: Type.String({ description: 'the host’s end' }),
  receivedBytes: Bytes('received'),
  receivedPackets: count('packets received'),
  receiveErrors: count('receive errors'),
  receiveDrops: count('dropped before the guest took them'),
  sentBytes: Bytes('sent'),
  sentPackets: count('packets sent'),
  sendErrors: count('send errors'),
  sendDrops: count('dropped on the way out'),
  spoofed: optional(
    recordOf('^[a-z0-9-]{1,32}$', count('frames'), {
      description: 'what the anti-spoofing filter let not out, by reason; absent where it is off',
    }),
  ),
});

export const GuestStats = strict({
  instance: InstanceId,
  at: Timestamp,
  cpu: CpuStats,
  memory: MemoryStats,
  disks: Type.Array(DiskStats),
  nics: Type.Array(NicStats),
});
export type GuestStats = Static<typeof GuestStats>;

/** With the names that people know it by. */
export const InstanceStats = strict({ ...GuestStats.properties, name: Type.String(), node: Type.String() });
export type InstanceStats = Static<typeof InstanceStats>;
