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
  const { moved, score, after } = planRelocation(data, {
    instances: names,
    leave: 'secondary',
    avoid: [],
  });
  expect(moved).toHaveLength(names.length);
  for (const [i, { nodes, from, why }] of moved.entries()) {
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

test('a node that is to be avoided is no target', () => {
  const drbd = data.instances.findIndex(({ template }) => template === 'drbd');
  const instances = [names[drbd] ?? ''];
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
    [{ type: 'node-evacuate', instances: ['a'], evac_mode: 'all' }, 'not_supported'],
    [{ type: 'node-evacuate', instances: ['a'], evac_mode: 'toString' }, 'not_supported'],
  ];
  for (const [request, code] of refused)
    expect(() => requestOf(request)).toThrow(expect.objectContaining({ code }));
  const unknown = { instances: ['nobody'], leave: 'primary', avoid: [] } as const;
  expect(() => planRelocation(data, { ...unknown, instances: ['nobody'], avoid: [] })).toThrow(
    expect.objectContaining({ code: 'not_found' }),
  );
});
