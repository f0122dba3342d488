import type { Guest, NodeLook } from '@gantry/model';
import { expect, test } from 'vitest';
import { type End, endOf, settleEnds } from './restored-ends.ts';

/** Two disks; bound to the source when the backup was made, with the target's guest above it. */
const guest = (id: 'source' | 'target', held = true): Guest =>
  ({
    id,
    spec: {
      epoch: { incarnation: 9, number: id === 'source' ? 1 : 2 },
      role: id === 'source' ? 'run' : 'receive',
      ...(held ? { held } : {}),
      input: { disks: [{ id: 'd0' }, { id: 'd1' }] },
    },
  }) as unknown as Guest;

/** `2`: its disks; `down 5`, `up 5`: its domain with the number of its epoch. */
function end(id: 'source' | 'target', found: string, held = true): End {
  const [disks, state, number] = found.split(' ');
  const domain = state && { epoch: { incarnation: 1, number: Number(number) }, alive: state === 'up' };
  return { guest: guest(id, held), ready: Number(disks), ...(domain ? { domain } : {}) };
}

const settled = (ends: End[], binding: 'source' | 'target' = 'source', bindingHeld = true): string => {
  const verdict = settleEnds(ends, guest(binding, bindingHeld));
  if (typeof verdict === 'string') return verdict;
  return [verdict.home, ...verdict.cleared].map((one) => one.guest.id).join(', clears ');
};

test.each<[string, string, string, string]>([
  ['the copy had not ended', '2 down 1', '0', 'source, clears target'],
  ['the copy had ended, the hand-over had not', '2 down 1', '2', 'source, clears target'],
  ['it was taken back and runs', '2 up 1', '1', 'source, clears target'],
  ['it was handed over and runs', '0', '2 up 2', 'target, clears source'],
  ['it was handed over and ran; the source was silent', '2 down 1', '2 down 2', 'target, clears source'],
  ['it was handed over, and nothing is defined yet', '2', '2', 'target, clears source'],
  ['it came back by a later move', '2 down 7', '0', 'source, clears target'],
  ['it was deleted since', '0', '0', 'source, clears target'],
  ['its disks broke at the target', '0', '1 down 2', 'target, clears source'],
  ['it runs on both', '2 up 1', '2 up 2', 'it runs on both nodes'],
  ['the older half runs', '2 up 1', '2 down 2', 'what runs is older than what was defined on the other node'],
  ['each has one of its disks', '1', '1', 'neither node has all of its disks, and each may have some'],
  [
    'the newer end has lost a disk that the older one has',
    '2 down 1',
    '1 down 2',
    'neither node has all of its disks, and each may have some',
  ],
])('%s', (_, source, target, expected) => {
  expect(settled([end('source', source), end('target', target)])).toBe(expected);
});

test('a disk is there when it is ready, and what it stands on is', () => {
  const ready = (...disks: object[]) =>
    endOf(guest('target'), { domains: [], disks } as unknown as NodeLook).ready;
  const found = (disk: string, more: object = {}) => ({ disk, state: 'ready', path: `/${disk}`, ...more });
  expect(ready(found('d0'), found('d1'))).toBe(2);
  expect(ready(found('d0'), found('d0', { path: '/again' }))).toBe(1);
  expect(ready(found('d0'), found('d1', { state: 'creating' }), found('other'))).toBe(1);
  expect(ready(found('d0'), found('d1', { lacks: 'its base' }))).toBe(1);
});

test('handed over before the backup: a target that was never defined has nothing that the source has not', () => {
  expect(settled([end('source', '2 down 1'), end('target', '2')], 'target')).toBe('source, clears target');
  expect(settled([end('source', '1'), end('target', '2 up 2')], 'target')).toBe('target, clears source');
  expect(settled([end('source', '2'), end('target', '2')], 'target')).toBe('target, clears source');
});

test('of a node that is switched off for good nothing is known: nothing there is cleared', () => {
  expect(settled([end('source', '2 down 1')])).toBe('source');
  expect(settled([end('target', '2 up 2')])).toBe('target');
  expect(settled([end('target', '1')])).toBe('its node is not heard of');
});

test('when it comes back, a newer domain there is nobody’s to start', () => {
  const home = (found: string) => end('source', found, false);
  expect(settled([home('2 up 9'), end('target', '2 down 2')], 'source', false)).toBe('source, clears target');
  expect(settled([home('2 down 1'), end('target', '2 down 2')], 'source', false)).toBe(
    'it is let go on one node, and newer on the other',
  );
});
