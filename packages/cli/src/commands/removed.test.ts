import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi } from '../testing/fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
});
afterEach(() => api.stop());

const nouns = ['disk', 'flavor', 'group', 'image', 'network', 'project', 'token', 'user'] as const;
const verbs = [...nouns.map((noun) => [noun, 'delete'] as const), ['node', 'remove'] as const];

test.each(verbs)(
  '%s %s: programs get what was removed, one after the other, people a notice',
  async (...words) => {
    const [noun] = words;
    const gone = (name: string) => ({ id: `id-of-${name}`, kind: noun, name });
    api.answers = Object.fromEntries(['a', 'b'].map((name) => [`DELETE /v1/${noun}s/${name}`, gone(name)]));
    const run = (...more: string[]) => api.gantry(...words, 'a', 'b', '--yes', ...more);

    const json = await run('-o', 'json');
    expect(JSON.parse(`[${json.out.replace('}\n{', '},{')}]`)).toEqual([gone('a'), gone('b')]);
    expect((await run('-o', 'name')).out).toBe('a\nb\n');
    expect((await run('-o', 'csv')).out).toBe('');
    const people = await run();
    expect(people.out).toBe('');
    expect(people.err).toMatch(/^\w+ a (deleted|removed)\n\w+ b (deleted|removed)\n$/);
  },
);

test('one that is refused comes last: what went before it is told', async () => {
  api.answers = { 'DELETE /v1/flavors/a': { kind: 'flavor', name: 'a' } };
  const { code, out, err } = await api.gantry('flavor', 'delete', 'a', 'b', 'c', '--yes', '-o', 'name');
  expect([code === 0, out]).toEqual([false, 'a\n']);
  expect(err).toContain('error: ');
  expect(api.asked.map(({ path }) => path)).toEqual(['/v1/flavors/a', '/v1/flavors/b']);
});

test('project revoke: the membership that there was', async () => {
  const eve = { user: 'id-of-eve', name: 'eve', role: 'viewer' };
  api.answers = {
    'DELETE /v1/projects/web/members/eve': eve,
  };
  const { out } = await api.gantry('project', 'revoke', 'web', 'eve', '-o', 'json');
  expect(JSON.parse(out)).toEqual(eve);
});

test('what is done on this machine alone is named', async () => {
  const config = join(api.dir, 'config.json');
  const contexts = { lab: { url: 'unix:/lab', token: 'secret' }, home: { url: 'unix:/home' } };
  writeFileSync(config, JSON.stringify({ current: 'home', contexts }), { mode: 0o600 });
  const used = await api.gantry('context', 'use', 'lab', '-o', 'yaml');
  expect(used.out).toBe('done: context.use\ncontext: lab\n');
  const removed = await api.gantry('context', 'remove', 'lab', '--yes', '-o', 'json');
  expect(JSON.parse(removed.out)).toEqual({ done: 'context.remove', context: 'lab' });
});
