import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../host/clock.ts';
import { unplug } from './unplug.ts';

test('libvirt that goes while it is asked is told of once', async () => {
  const gone = Promise.withResolvers<never>();
  const events = { ready: Promise.resolve(), [Symbol.asyncIterator]: () => ({ next: () => gone.promise }) };
  const lv = {
    domainEvents: () => events,
    domainDetachDeviceAlias: async () => {
      gone.reject(new Error('the connection is lost'));
      // the events end before the call does
      await turn();
      await turn();
      throw new Error('no answer');
    },
  };
  const device = { alias: 'ua-1', name: 'disk data', guest: 'web1', clock: systemClock };
  const asked = unplug({ lv: lv as never, dom: {} as never, ...device }, new AbortController().signal);
  await expect(asked).rejects.toThrow('no answer');
});
