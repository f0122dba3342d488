/** Timekeeping. https://libvirt.org/formatdomain.html#time-keeping */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export const timerNames = ['pit', 'rtc', 'hpet', 'hypervclock', 'kvmclock', 'tsc'] as const;
export type TimerName = (typeof timerNames)[number];

export interface Timer extends Node<'timer'> {
  readonly name: TimerName;
  readonly present?: boolean;
  /** What happens to ticks that the guest missed. */
  readonly tickPolicy?: 'delay' | 'catchup' | 'merge' | 'discard';
}

export interface Clock extends Node<'clock'> {
  readonly offset: 'utc' | 'localtime';
  readonly timers: readonly Timer[];
}

export const clock = (props: Omit<Clock, 'kind'>): Clock => make('clock', props);
export const timer = (props: Omit<Timer, 'kind'>): Timer => make('timer', props);

export const clockToXml = (node: Clock): XmlElement =>
  element('clock', { offset: node.offset }, node.timers.map(timerToXml), node.origin);

const timerToXml = (node: Timer): XmlElement =>
  element(
    'timer',
    {
      name: node.name,
      present: node.present === undefined ? undefined : node.present ? 'yes' : 'no',
      tickpolicy: node.tickPolicy,
    },
    [],
    node.origin,
  );
