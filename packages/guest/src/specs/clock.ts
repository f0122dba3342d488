/** Timekeeping: os_type decides the offset, the profile the timers, hw_time_hpet the HPET. */
import { type Clock, clock, type Timer, timer } from '../elements/clock.ts';
import { builtin } from '../origin.ts';
import type { TimerDefault } from '../profiles.ts';
import type { Wanted } from '../wanted.ts';
import { isX86 } from './machine.ts';
import { because, booleanOf, type Settings, windowsFrom } from './settings.ts';

export function clockFrom(wanted: Wanted): Clock {
  const windows = windowsFrom(wanted.settings);
  return clock({
    offset: windows ? 'localtime' : 'utc',
    timers: timersFrom(wanted),
    origin: windows
      ? because(windows, 'Windows keeps the hardware clock in local time').origin
      : builtin('clock', 'every system but Windows keeps the hardware clock in UTC'),
  });
}

function timersFrom({ settings, host, machine }: Wanted): Timer[] {
  const x86 = isX86(machine.architecture);
  // A node of x86 names these timers whatever it emulates; elsewhere there are none.
  if (!isX86(host.architecture)) return [];
  const timers = settings.profile.timers[host.accelerator]
    .filter((row) => x86 || row.name !== 'hpet')
    .map((row) => (row.name === 'hpet' ? hpetFrom(settings, row) : plain(row)));
  const windows = windowsFrom(settings);
  if (!windows || host.accelerator !== 'kvm') return timers;
  const { origin } = because(windows, 'the paravirtual clock that Windows knows');
  return [...timers, timer({ name: 'hypervclock', present: true, origin })];
}

const plain = ({ why, ...row }: TimerDefault): Timer =>
  timer({ ...row, origin: builtin('timekeeping', why) });

function hpetFrom(settings: Settings, row: TimerDefault): Timer {
  const image = booleanOf(settings, 'image', 'hw_time_hpet');
  return image
    ? timer({ name: 'hpet', present: image.value, origin: because(image, 'the image decides').origin })
    : plain(row);
}
