import type { AffinityRule } from '@gantry/model';
import { describe, expect, test } from 'vitest';
import { affinityOn, exclusionRepeats, exclusionsOn, type Peer, standings } from './affinity.ts';

const peer = (name: string, more: Partial<Peer> = {}): Peer => ({
  id: `id-${name}`,
  name,
  project: 'p',
  ...more,
});
const rule = (policy: AffinityRule['policy'], meant: string): AffinityRule =>
  meant.includes('=') ? { policy, label: meant } : { policy, instance: meant };
const db = { labels: { app: 'db' } };

describe('a newcomer', () => {
  test.each<[string, Partial<Peer>, Peer[], Peer[], string[], number]>([
    ['without rules', {}, [peer('a')], [], [], 0],
    [
      'apart from one by name',
      { affinity: [rule('anti-affinity', 'a')] },
      [peer('a')],
      [],
      ['a is there'],
      0,
    ],
    [
      'apart from one by id',
      { affinity: [rule('anti-affinity', 'id-a')] },
      [peer('a')],
      [],
      ['a is there'],
      0,
    ],
    [
      'apart from one who is elsewhere',
      { affinity: [rule('anti-affinity', 'a')] },
      [peer('b')],
      [peer('a')],
      [],
      0,
    ],
    [
      'apart from a label',
      { affinity: [rule('anti-affinity', 'app=db')] },
      [peer('b', db), peer('a', db), peer('c')],
      [],
      ['a, b is there'],
      0,
    ],
    ['whose value is another', { affinity: [rule('anti-affinity', 'app=d')] }, [peer('a', db)], [], [], 0],
    ['near one', { affinity: [rule('affinity', 'a')] }, [peer('b')], [peer('a')], ['a is elsewhere'], 0],
    [
      'near a label of which one is here',
      { affinity: [rule('affinity', 'app=db')] },
      [peer('a', db)],
      [peer('b', db)],
      [],
      0,
    ],
    ['near nobody: it is the first', { affinity: [rule('affinity', 'app=db')] }, [peer('b')], [], [], 0],
    [
      'that wishes',
      { affinity: [rule('soft-anti-affinity', 'a'), rule('soft-affinity', 'b')] },
      [peer('a')],
      [peer('b')],
      [],
      2,
    ],
    [
      'that others keep apart from',
      db,
      [peer('a', { affinity: [rule('anti-affinity', 'app=db')] })],
      [],
      ['a keeps apart from it'],
      0,
    ],
    ['that others would not mind', db, [peer('a', { affinity: [rule('affinity', 'app=db')] })], [], [], 0],
    ['of another project', { project: 'q', affinity: [rule('anti-affinity', 'a')] }, [peer('a')], [], [], 0],
  ])('%s', (_, more, here, elsewhere, messages, missed) => {
    const answer = affinityOn(peer('new', more), here, () => [...here, ...elsewhere]);
    expect(answer.rejections.map(({ message }) => message.replace(/^[a-z-]+: /, ''))).toEqual(messages);
    expect(answer.missed).toBe(missed);
  });
});

test('how rules stand: its own, kept or not, and those of neighbours that it breaks', () => {
  const self = peer('self', {
    ...db,
    affinity: [rule('anti-affinity', 'a'), rule('affinity', 'b'), rule('soft-affinity', 'c')],
  });
  const shy = peer('shy', { affinity: [rule('soft-anti-affinity', 'app=db')] });
  const here = [self, peer('b'), shy];
  expect(standings(self, here, () => [...here, peer('c')])).toEqual([
    { rule: rule('anti-affinity', 'a'), satisfied: true, why: 'none of them on its node' },
    { rule: rule('affinity', 'b'), satisfied: true, why: 'on the same node: b' },
    { rule: rule('soft-affinity', 'c'), satisfied: false, why: 'c is elsewhere' },
    {
      rule: rule('soft-anti-affinity', 'app=db'),
      by: 'shy',
      satisfied: false,
      why: 'shy keeps apart from it',
    },
  ]);
});

test('labels that exclude each other count once each, within one project', () => {
  const here = [peer('a', db), peer('b', db), peer('c', { ...db, project: 'q' }), peer('d')];
  expect(exclusionsOn(peer('new', db), here, ['app', 'tier'])).toBe(1);
  expect(exclusionsOn(peer('new'), here, ['app'])).toBe(0);
  expect(exclusionRepeats(here, ['app'])).toBe(1);
  expect(exclusionRepeats(here, [])).toBe(0);
});
