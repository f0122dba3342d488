import type { Operation, Step } from '@gantry/model';
import { expect, test } from 'vitest';
import { endOf } from './undrain.ts';

const said = (...states: Step['state'][]): string =>
  endOf({
    spec: { number: 12 },
    status: { steps: states.map((state, index) => ({ name: `web${index + 1}`, state })) },
  } as Operation);

test.each([
  [['done', 'running', 'waiting', 'waiting'], '; web2 is moved to the end; web3, web4 stay'],
  [['running', 'running', 'skipped'], '; web1, web2 are moved to the end'],
  [['failed', 'waiting'], '; web2 stays'],
  [['done'], ''],
] as const)('what becomes of an evacuation with %j', (states, rest) => {
  expect(said(...states)).toBe(`op 12, which empties it, begins no further moves${rest}`);
});
