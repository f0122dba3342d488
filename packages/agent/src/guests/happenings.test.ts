import {
  virDomainEventCrashedDetailType as Crashed,
  virDomainEventShutdownDetailType as Shutdown,
  virDomainEventStoppedDetailType as Stopped,
  virDomainEventType as Type,
  virDomainEventWatchdogAction as Watchdog,
} from '@gantry/libvirt';
import { expect, test } from 'vitest';
import { createTranslator } from './happenings.ts';
import type { SeenEvent } from './session.ts';

const dom = { name: 'a', uuid: 'u', id: 1 };
const life = (event: number, detail: number): SeenEvent => ({ kind: 'lifecycle', dom, event, detail });
const poweroff = (detail: number) => life(Type.VIR_DOMAIN_EVENT_SHUTDOWN, detail);
const stopped = (detail: number) => life(Type.VIR_DOMAIN_EVENT_STOPPED, detail);
const watchdog = (action: number): SeenEvent => ({ kind: 'watchdog', dom, action });

test.each<[string, SeenEvent[], string[]]>([
  [
    'the guest powers off',
    [poweroff(Shutdown.VIR_DOMAIN_EVENT_SHUTDOWN_GUEST), stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)],
    ['other', 'guest-poweroff'],
  ],
  [
    'QEMU gets a SIGTERM',
    [poweroff(Shutdown.VIR_DOMAIN_EVENT_SHUTDOWN_HOST), stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)],
    ['other', 'crash'],
  ],
  [
    'the watchdog powers off: QEMU ends on the spot',
    [watchdog(Watchdog.VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF), stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_FAILED)],
    ['other', 'watchdog'],
  ],
  ['QEMU gets a SIGKILL', [stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_FAILED)], ['crash']],
  [
    'the kernel panics',
    [
      life(Type.VIR_DOMAIN_EVENT_CRASHED, Crashed.VIR_DOMAIN_EVENT_CRASHED_PANICKED),
      stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_CRASHED),
    ],
    ['other', 'panic'],
  ],
  ['we end it', [stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_DESTROYED)], ['stopped']],
  [
    'the watchdog powers off',
    [
      watchdog(Watchdog.VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF),
      poweroff(Shutdown.VIR_DOMAIN_EVENT_SHUTDOWN_GUEST),
      stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN),
    ],
    ['other', 'other', 'watchdog'],
  ],
  ['the watchdog resets', [watchdog(Watchdog.VIR_DOMAIN_EVENT_WATCHDOG_RESET)], ['watchdog']],
  [
    'a cause of an earlier run does not count',
    [
      life(Type.VIR_DOMAIN_EVENT_CRASHED, 0),
      life(Type.VIR_DOMAIN_EVENT_STARTED, 0),
      stopped(Stopped.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN),
    ],
    ['other', 'started', 'guest-poweroff'],
  ],
  ['an event newer than this agent', [life(99, 1)], ['other']],
  ['it reboots', [{ kind: 'reboot', dom }], ['guest-reboot']],
  [
    'a disk is full',
    [{ kind: 'ioErrorReason', dom, srcPath: '/d', devAlias: 'x', action: 1, reason: 'enospc' }],
    ['io-error'],
  ],
])('%s', (_, events, expected) => {
  const translate = createTranslator(() => 0);
  expect(events.map((event) => translate(event)?.what)).toEqual(expected);
});

test('resets within two seconds are one reboot', () => {
  let now = 0;
  const translate = createTranslator(() => now);
  const at = (ms: number) => {
    now = ms;
    return translate({ kind: 'reboot', dom })?.what;
  };
  expect([0, 50, 1900, 5000].map(at)).toEqual(['guest-reboot', undefined, undefined, 'guest-reboot']);
});

test('a gap in the events says nothing about a domain', () => {
  expect(createTranslator(() => 0)({ kind: 'missed', count: 3 })).toBeUndefined();
});
