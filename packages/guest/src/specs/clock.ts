/** Timekeeping: os_type decides the offset, the profile the timers, hw_time_hpet the HPET. */
import { type Clock, clock, type Timer, timer } from '../elements/clock.ts';
import { builtin } from '../origin.ts';
import type { TimerDefault } from '../profiles.ts';
import type { Machine } from './features.ts';
import { because, booleanOf, type Settings, windowsFrom } from './settings.ts';

export function clockFrom(settings: Settings, machine: Machine): Clock {
  const windows = windowsFrom(settings);
  return clock({
    offset: windows ? 'localtime' : 'utc',
    timers: machine.architecture === 'x86_64' ? timersFrom(settings, machine) : [],
    origin: windows
      ? because(windows, 'Windows keeps the hardware clock in local time').origin
      : builtin('clock', 'every system but Windows keeps the hardware clock in UTC'),
  });
}

function timersFrom(settings: Settings, machine: Machine): Timer[] {
  const timers = settings.profile.timers[machine.accelerator].map((row) =>
    row.name === 'hpet' ? hpetFrom(settings, row) : plain(row),
  );
  const windows = windowsFrom(settings);
  if (!windows || machine.accelerator !== 'kvm') return timers;
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
