/** An operation that stops a guest is taken back, and the guest follows what it was asked to do all the same. */
import { expect, test } from 'vitest';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { assignmentsOf, domainOf, guestOf, ids, inputOf, observationOf } from '../testing/assignments.ts';
import { plan } from './plan.ts';

const now = inputOf().now;
const off = domainOf('shutoff', 'shutdown');
const asked: GuestMemory = { restarts: [], ranInBoot: 'boot-1', stopAskedAt: now - 1000 };

/** One look, with what is remembered of the one before. */
function look(seen: SeenDomain, memory: GuestMemory, atMs = now) {
  const guests = [guestOf({ power: 'running' }, 2)];
  const planned = plan({
    ...inputOf({
      memory: { acts: {}, guests: { [ids.instance]: memory } },
      observation: observationOf({ domains: [seen] }),
      assignments: assignmentsOf({ guests }),
    }),
    now: atMs,
  });
  const actions = planned.actions.map((action) => action.do).filter((name) => name.startsWith('guest.'));
  return { actions, memory: planned.guests[ids.instance] as GuestMemory };
}

test('before it was looked at again: it is started', () => {
  expect(look(off, asked).actions).toEqual(['guest.start']);
});

test('a while later: it is started, and again until the start succeeds', () => {
  const up = look(domainOf('running'), asked);
  expect(up.actions).toEqual([]);
  expect(up.memory.stopAskedAt).toBeUndefined();
  const down = look(off, up.memory, now + 30_000);
  expect(down.actions).toEqual(['guest.start']);
  expect(look(off, down.memory, now + 60_000).actions).toEqual(['guest.start']);
});

test('a poweroff long afterwards is the guest’s own, and its policy holds', () => {
  const { memory } = look(domainOf('running'), asked);
  expect(look(off, memory, now + 600_000).actions).toEqual([]);
});
