import { expect, it } from 'vitest';
import { firstAlone } from './first-alone.ts';

it('lets the first ones pass one after the other, until one succeeds', async () => {
  const run = firstAlone();
  const told: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const act = (name: string) =>
    run(async () => {
      told.push(name);
      const gate = Promise.withResolvers<void>();
      gates.set(name, gate);
      await gate.promise;
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  const [first, second, third] = [act('a'), act('b'), act('c')];
  await turn();
  expect(told).toEqual(['a']);
  gates.get('a')?.reject(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await turn();
  expect(told).toEqual(['a', 'b']);
  gates.get('b')?.resolve();
  await second;
  await turn();
  const later = [act('d'), act('e')];
  await turn();
  expect(told).toEqual(['a', 'b', 'c', 'd', 'e']);

  for (const name of ['c', 'd', 'e']) gates.get(name)?.resolve();
  await Promise.all([third, ...later]);

  run.again();
  const anew = [act('f'), act('g')];
  await turn();
  expect(told.slice(5)).toEqual(['f']);
  gates.get('f')?.resolve();
  await turn();
  gates.get('g')?.resolve();
  await Promise.all(anew);
});
