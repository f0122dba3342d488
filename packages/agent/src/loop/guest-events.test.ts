import type { NodeEvent } from '@gantry/model';
import { expect, test } from 'vitest';
import { addEvent, type GuestEvents } from './guest-events.ts';

const event = (instance: string, type = 'guest.tray-change'): NodeEvent =>
  ({ type, level: 'info', instance, message: `of ${instance}` }) as NodeEvent;
const count = ({ events }: GuestEvents, instance: string): number =>
  events.filter((one) => one.instance === instance).length;

test('a guest that moves its tray without end is told of twenty times a minute, others as ever', () => {
  const to: GuestEvents = { events: [], recent: new Map() };
  for (let ms = 0; ms < 120_000; ms += 10) addEvent(to, event('wild'), ms);
  addEvent(to, event('calm'), 120_000);
  addEvent(to, event('wild', 'guest.crash'), 120_000);
  expect([count(to, 'wild'), count(to, 'calm')]).toEqual([41, 1]);
  expect(to.recent.size).toBe(3);
  addEvent(to, event('calm'), 200_000);
  expect([...to.recent.keys()]).toEqual(['guest.tray-change calm']);
});

test('while the controller is away the latest are kept', () => {
  const to: GuestEvents = { events: [], recent: new Map() };
  for (let index = 0; index < 10_050; index++) addEvent(to, event(`guest-${index}`), index * 60_000);
  expect(to.events).toHaveLength(10_000);
  expect(to.events[0]?.instance).toBe('guest-50');
});
