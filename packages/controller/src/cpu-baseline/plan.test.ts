import type { GroupCpu, NodeId } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lacks, type Member } from './members.ts';
import { planBaseline, type Situation, shortly } from './plan.ts';

const INTEL = 'x86_64 kvm Intel';
const member = (name: string, features: string, kind = INTEL): Member => ({
  node: `id-${name}` as NodeId,
  name,
  cpu: { model: 'm', features: [] },
  digest: `${kind} ${features}`,
  features: features.split(' '),
  kind,
});
const cpu = (features: string, of: Member[]): GroupCpu => ({
  baseline: { model: 'm', features: [] },
  features: features.split(' '),
  kind: INTEL,
  from: of.map(({ node, digest }) => ({ node, cpu: digest })),
  by: 'id-a' as NodeId,
  since: '2026-01-01T00:00:00.000Z',
  leftOut: [],
});
const plan = (change: Partial<Situation>) => {
  const members = change.members ?? [];
  return planBaseline({
    group: 'g',
    nodes: members.length,
    members,
    before: undefined,
    used: false,
    ...change,
  });
};
const brief = (change: Partial<Situation>) => {
  const found = plan(change);
  const out = 'leftOut' in found ? found.leftOut.map(({ node, lacks: all }) => [node, ...all].join(' ')) : [];
  return [
    found.do,
    ...('of' in found ? found.of.map(({ name }) => name) : []),
    ...out.map((one) => `-${one}`),
  ];
};

const [wide, same, narrow, amd] = [
  member('a', 'aes avx avx2'),
  member('b', 'aes avx avx2'),
  member('c', 'aes'),
  member('d', 'aes avx', 'x86_64 kvm AMD'),
] as const;
const before = cpu('aes avx avx2', [wide, same]);

describe('a CPU baseline', () => {
  test.each<[string, Partial<Situation>, string[]]>([
    ['of one node there is none', { members: [wide] }, ['drop']],
    ['nobody has told', { members: [], nodes: 2 }, ['nothing']],
    ['of two nodes', { members: [wide, narrow] }, ['compute', 'a', 'c']],
    ['one of two has told', { members: [wide], nodes: 2 }, ['compute', 'a']],
    ['nothing changed', { members: [same, wide], before, used: true }, ['keep']],
    ['a node of another vendor', { members: [wide, same, amd] }, ['compute', 'a', 'b', '-id-d']],
    [
      'a lesser node while guests have it',
      { members: [wide, same, narrow], before, used: true },
      ['keep', '-id-c avx avx2'],
    ],
    ['a lesser node while none has', { members: [wide, same, narrow], before }, ['compute', 'a', 'b', 'c']],
    [
      'a lesser node that the operator takes in',
      { members: [wide, same, narrow], before, used: true, narrow: true },
      ['compute', 'a', 'b', 'c'],
    ],
    [
      'the lesser node has left',
      { members: [wide, same], before: cpu('aes', [wide, same, narrow]), used: true },
      ['compute', 'a', 'b'],
    ],
    [
      'one of its nodes is gone, another like it',
      { members: [wide], nodes: 2, before, used: true },
      ['compute', 'a'],
    ],
    [
      'all that told are lesser',
      { members: [narrow], nodes: 3, before, used: true },
      ['keep', '-id-c avx avx2'],
    ],
  ])('%s', (_, change, wanted) => {
    expect(brief(change)).toEqual(wanted);
  });

  const anyMember = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    features: fc.uniqueArray(fc.constantFrom('aes', 'avx', 'avx2', 'bmi'), { minLength: 1 }),
    kind: fc.constantFrom(INTEL, 'x86_64 kvm AMD'),
  });

  test('never counts a node that takes from running guests, and says of each node in or why not', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyMember, { selector: ({ name }) => name }), fc.boolean(), (all, used) => {
        const members = all.map(({ name, features, kind }) => member(name, features.join(' '), kind));
        const found = plan({ members, nodes: members.length + 1, before, used });
        if (found.do !== 'compute') return;
        for (const each of found.of) if (used) expect(lacks(each, before.features)).toEqual([]);
        expect(found.of.length + found.leftOut.length).toBe(members.length);
        for (const { why } of found.leftOut) expect(why).toContain('baseline of group g');
      }),
    );
  });

  test('names few features and counts the others', () => {
    expect(shortly(['a', 'b', 'c', 'd'])).toBe('a, b, c, d');
    expect(shortly(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
  });
});
