/** Limits of CPU time and disk traffic. */
import { built, effect, type Family, family, inert, integer, words } from '../key.ts';

const disk = ['read', 'write', 'total'].flatMap((way) => {
  const more = way === 'total' ? 'not beside a limit of reads or writes' : 'not beside a total limit';
  return (
    [
      ['bytes', 'throughput', 'B/s'],
      ['iops', 'operations', '1/s'],
    ] as const
  ).map(([what, title, unit]) =>
    built(
      `quota:disk_${way}_${what}_sec`,
      integer(0, Number.MAX_SAFE_INTEGER),
      'no limit',
      `Limit of ${title} (${way}) of each disk of the guest; 0 is no limit; ${more}.`,
      { unit, ...effect(`devices/disk/iotune/${way}_${what}_sec`) },
    ),
  );
});

const elsewhere = 'Of another hypervisor; nothing here.';
const foreign = ['cpu', 'memory', 'disk_io', 'vif'].flatMap((what) => [
  inert(`quota:${what}_limit`, integer(0), 'none', elsewhere),
  inert(`quota:${what}_reservation`, integer(0), 'none', elsewhere),
  inert(`quota:${what}_shares_level`, words(['custom', 'high', 'normal', 'low']), 'none', elsewhere),
  inert(`quota:${what}_shares_share`, integer(0), 'none', elsewhere),
]);

export const quota: Family = family(
  'Limits',
  [],
  [
    built(
      'quota:cpu_shares',
      integer(0, 262144),
      'the host’s default',
      'Weight of the guest’s CPU time against other guests.',
      effect('cputune/shares'),
    ),
    built('quota:cpu_period', integer(0, 1_000_000), 'the host’s default', 'Period of quota:cpu_quota.', {
      unit: 'µs',
      ...effect('cputune/period'),
    }),
    built(
      'quota:cpu_quota',
      integer(-1, 17592186044415),
      'no limit',
      'CPU time per period and vCPU; -1 is no limit.',
      { unit: 'µs', ...effect('cputune/quota') },
    ),
    ...disk,
    ...foreign,
  ],
);
