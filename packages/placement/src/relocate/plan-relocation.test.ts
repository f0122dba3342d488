import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { parseCluster } from '../ganeti/parse.ts';
import { parseRequest } from '../ganeti/request.ts';
import { planRelocation } from './plan-relocation.ts';

const oracle = join(import.meta.dirname, '../../../../test/oracle/placement/mixed-20.txt.gz');
const data = parseCluster(gunzipSync(readFileSync(oracle)).toString());
const names = data.instances.map(({ name }) => name);
const requestOf = (request: object) => parseRequest(Buffer.from(JSON.stringify({ request }))).move;

test('each goes to another node of its group; what has no mirror stays, and says so', () => {
  const left = data.secondary.find((s) => s >= 0);
  const instances = names.filter((_, i) => [left, -1].includes(data.secondary[i]));
  const { moved, score, after } = planRelocation(data, { instances, leave: 'secondary', avoid: [] });
  expect(moved).toHaveLength(instances.length);
  for (const { instance, nodes, from, why } of moved) {
    const i = names.indexOf(instance);
    if (data.instances[i]?.template === 'plain') expect(why).toBe('plain has no copy on another node');
    if (nodes.length === 0) continue;
    expect([nodes.length, nodes[0]]).toEqual([2, from[0]]);
    expect(nodes[1]).not.toBe(from[1]);
    const [a, b] = nodes.map((name) => data.nodes.group[data.nodes.names.indexOf(name)]);
    expect(a).toBe(b);
    expect(after.nodes.names[after.secondary[i] as number]).toBe(nodes[1]);
  }
  expect(score.after).not.toBe(score.before);
});

const groupAt = (node: string | undefined) =>
  data.groups[data.nodes.group[data.nodes.names.indexOf(node ?? '')] as number]?.name;
const drbd = names.filter((_, i) => data.instances[i]?.template === 'drbd');

test('both nodes are left, for none that another one is to leave', () => {
  const instances = drbd.slice(0, 3);
  const { moved } = planRelocation(data, { instances, leave: 'both', avoid: [] });
  const left = new Set(moved.flatMap(({ from }) => from));
  expect(moved.filter(({ nodes }) => nodes.length === 2).length).toBeGreaterThan(0);
  for (const { nodes, from } of moved) {
    expect(nodes.filter((node) => left.has(node))).toEqual([]);
    if (nodes.length > 0) expect(new Set([...nodes, ...from].map(groupAt)).size).toBe(1);
  }
});

test('to another group: to the one that is named, by name or uuid, or to any', () => {
  const instances = drbd.filter(
    (name) => groupAt(data.nodes.names[data.primary[names.indexOf(name)] as number]) === 'group0',
  );
  const uuid = data.groups.find(({ name }) => name === 'group1')?.uuid ?? '';
  const ask = (groups: string[]) =>
    planRelocation(data, { instances: instances.slice(0, 4), leave: 'both', avoid: [], groups });
  const { moved } = ask(['group1']);
  expect(moved.filter(({ nodes }) => nodes.length === 2).length).toBeGreaterThan(0);
  for (const { nodes, group } of moved) {
    if (nodes.length === 0) continue;
    expect([group, ...nodes.map(groupAt)]).toEqual(['group1', 'group1', 'group1']);
  }
  expect(ask([uuid]).moved).toEqual(moved);
  expect(ask([]).moved).toEqual(moved);
  for (const { nodes, why } of ask(['group0']).moved) {
    expect(nodes).toEqual([]);
    expect(why).toBe('there is no other group that takes instances');
  }
  expect(() => ask(['nowhere'])).toThrow(expect.objectContaining({ code: 'not_found' }));
});

test('what is on shared storage goes to any node of its group', () => {
  const shared = {
    ...data,
    instances: data.instances.map((spec, i) => (i === 0 ? { ...spec, template: 'rbd' } : spec)),
    secondary: data.secondary.map((s, i) => (i === 0 ? -1 : s)),
  };
  const { moved } = planRelocation(shared, { instances: [names[0] ?? ''], leave: 'primary', avoid: [] });
  expect(moved[0]?.nodes).toHaveLength(1);
  expect(moved[0]?.nodes).not.toEqual(moved[0]?.from);
});

test('a node that is to be avoided is no target', () => {
  const instances = drbd.slice(0, 1);
  const ask = (avoid: string[]) =>
    planRelocation(data, { instances, leave: 'secondary', avoid }).moved[0]?.nodes[1] ?? '';
  const first = ask([]);
  expect(ask([first])).not.toBe(first);
});

test('requests are read strictly', () => {
  expect(requestOf({ type: 'relocate', name: 'a', relocate_from: ['n'] })).toEqual({
    instances: ['a'],
    leave: 'secondary',
    avoid: ['n'],
  });
  const refused: [object, string][] = [
    [{ type: 'relocate', name: 'a' }, 'invalid_argument'],
    [{ type: 'allocate' }, 'invalid_argument'],
    [{ type: 'explode' }, 'not_supported'],
    [{ type: 'node-evacuate', instances: ['a|b'], evac_mode: 'primary-only' }, 'invalid_argument'],
    [{ type: 'node-evacuate', instances: ['a'], evac_mode: 'toString' }, 'invalid_argument'],
    [{ type: 'change-group', instances: ['a'] }, 'invalid_argument'],
    [{ type: 'change-group', instances: ['a'], target_groups: [7] }, 'invalid_argument'],
  ];
  for (const [request, code] of refused)
    expect(() => requestOf(request)).toThrow(expect.objectContaining({ code }));
  const unknown = { instances: ['nobody'], leave: 'primary', avoid: [] } as const;
  expect(() => planRelocation(data, { ...unknown, instances: ['nobody'], avoid: [] })).toThrow(
    expect.objectContaining({ code: 'not_found' }),
  );
});
