import type { Operation } from '@gantry/model';
import { expect, test } from 'vitest';
import { Conflict } from '../store/conflict.ts';
import { eachRunning } from './each-running.ts';

const running = ['a', 'b', 'c', 'd'].map(
  (id) => ({ id, spec: { kind: id === 'b' ? 'node.evacuate' : 'cluster.balance' } }) as Operation,
);
const store = { list: async () => ({ items: running }) } as unknown as Parameters<typeof eachRunning>[0];

test('what keeps one from going on is told, and keeps no other of its kind', async () => {
  const moved: string[] = [];
  const each = eachRunning(store, 'cluster.balance', async (id) => {
    if (id === 'a') throw new Error('a is broken');
    moved.push(id);
  });
  await expect(each).rejects.toThrow('a is broken');
  expect(moved).toEqual(['c', 'd']);
});

test('a race that is lost again and again waits for the next run', async () => {
  let tries = 0;
  await eachRunning(store, 'node.evacuate', async () => {
    tries += 1;
    throw new Conflict({ what: 'counter', name: 'operation' });
  });
  expect(tries).toBeGreaterThan(1);
});
