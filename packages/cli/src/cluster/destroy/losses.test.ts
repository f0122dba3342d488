import { isGantryError } from '@gantry/model';
import { expect, test } from 'vitest';
import { inReach, type Losses, lossesText, requireConsent } from './losses.ts';

const instance = (name: string, over: Partial<Losses['instances'][number]> = {}) => ({
  ...{ name, id: name, state: 'stopped' as const, node: 'n1' },
  ...over,
});
const losses = (over: Partial<Losses> = {}): Losses => ({
  cluster: { id: '6f1d6b0e-3c3a-4b0a-9d55-0d6c5b7d2f10', name: 'prod' },
  instances: [],
  disks: { count: 0, bytes: 0 },
  images: [],
  networks: ['default'],
  nodes: [
    { name: 'n1', state: 'ready' },
    { name: 'n2', state: 'ready' },
  ],
  ...over,
});
const lost: Losses['nodes'] = [
  { name: 'n1', state: 'ready' },
  { name: 'n2', state: 'lost' },
];
const against = (what: Losses, stopGuests = false, leaveBehind: string[] = []): string => {
  try {
    requireConsent(what, { stopGuests, leaveBehind });
    return 'nothing';
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
};

test.each<[string, Losses, string]>([
  ['an empty cluster', losses(), 'nothing'],
  [
    'guests that are down',
    losses({ instances: [instance('a'), instance('b', { state: 'suspended' })] }),
    'nothing',
  ],
  ['a guest that runs', losses({ instances: [instance('a', { state: 'running' })] }), 'guests_up'],
  [
    'one of which nothing is known',
    losses({ instances: [instance('a', { state: 'unknown' })] }),
    'guests_up',
  ],
  ['one that is protected', losses({ instances: [instance('a', { kept: 'protected' })] }), 'in_use'],
  ['one that is locked', losses({ instances: [instance('a', { kept: 'locked' })] }), 'in_use'],
  ['a node that is lost', losses({ nodes: lost }), 'nodes_silent'],
  ['a node that is offline', losses({ nodes: [{ name: 'n1', state: 'offline' }] }), 'nodes_silent'],
  ['a node that never joined', losses({ nodes: [{ name: 'n1', state: 'joining' }] }), 'nothing'],
])('against %s', (_, what, code) => {
  expect(against(what)).toBe(code);
});

test('each consent takes one of it away', () => {
  expect(against(losses({ instances: [instance('a', { state: 'running' })] }), true)).toBe('nothing');
  const there = losses({
    nodes: lost,
    instances: [instance('a', { state: 'unknown', node: 'n2', kept: 'locked' })],
  });
  expect(against(there, false, ['n2'])).toBe('nothing');
  expect(inReach(there)).toEqual([]);
});

test('nobody is left behind by mistake', () => {
  expect(against(losses({ nodes: lost }), false, ['n3'])).toBe('not_found');
  expect(against(losses({ nodes: lost }), false, ['n1', 'n2'])).toBe('invalid_argument');
});

test('what people read', () => {
  const text = lossesText(
    losses({
      nodes: lost,
      instances: [
        instance('web', { state: 'running' }),
        instance('old', { imported: true }),
        instance('far', { node: 'n2', state: 'unknown' }),
      ],
      disks: { count: 3, bytes: 3 * 2 ** 30 },
      images: [{ name: 'noise', bytes: 2 ** 20 }],
    }),
  );
  expect(text.split('\n')).toEqual([
    'What is lost:',
    '  cluster      prod (6f1d6b0e-3c3a-4b0a-9d55-0d6c5b7d2f10)',
    '  running      1: web',
    '  stopped      1: old (imported: its disks stay)',
    '  disks        3, 3 GiB',
    '  images       noise (1 MiB)',
    '  networks     default',
    '  nodes        n1',
    '  not reached  n2: far and their disks stay there, until somebody runs on it: gantry node leave --cluster-gone',
  ]);
});
