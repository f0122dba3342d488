import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CreateInstance,
  err,
  errorRegistry,
  formatBytes,
  formatMs,
  fromProblem,
  GantryError,
  IMAGE_NAME_PATTERN,
  instanceActions,
  instanceStates,
  matches,
  NAME_PATTERN,
  nearest,
  Problem,
  parseBytes,
  parseDurationMs,
  parseMiB,
  permits,
  permitsLocked,
  requirePermitted,
  routes,
  toProblem,
  validate,
} from './index.ts';

const refusal = (act: () => unknown): GantryError => {
  try {
    act();
  } catch (error) {
    if (error instanceof GantryError) return error;
    throw error;
  }
  throw new Error('was not refused');
};

describe('quantities', () => {
  it.each([
    ['1G', 2 ** 30],
    ['512M', 2 ** 29],
    ['10GiB', 10 * 2 ** 30],
    ['4096B', 4096],
    ['1.5G', 1.5 * 2 ** 30],
    ['1 T', 2 ** 40],
  ])('%s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });
  it.each(['1', '', 'G', '-1G', '1g', '1GB', '1e3M', '99999999T', '1G; rm', ' 1G'])('refuses %j', (text) => {
    expect(refusal(() => parseBytes(text)).code).toBe('invalid_argument');
  });
  it('knows MiB', () => {
    expect(parseMiB('2G')).toBe(2048);
    expect(refusal(() => parseMiB('1K')).message).toContain('whole number of MiB');
  });
  it.each([
    ['30ms', 30],
    ['5s', 5000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['14d', 1_209_600_000],
  ])('%s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });
  it('refuses a bare number of time', () =>
    expect(refusal(() => parseDurationMs('5000')).code).toBe('invalid_argument'));
  it('writes what people read', () => {
    expect([formatBytes(1.5 * 2 ** 30), formatBytes(1023), formatBytes(2 ** 40)]).toEqual([
      '1.5 GiB',
      '1023 B',
      '1 TiB',
    ]);
    expect([formatMs(340), formatMs(2410), formatMs(185_000), formatMs(7_260_000)]).toEqual([
      '340 ms',
      '2.41 s',
      '3 m 5 s',
      '2 h 1 m',
    ]);
  });
});

describe('errors', () => {
  it('every parameter of a template is a plain word, every code has an exit of the table', () => {
    for (const [code, { status, exit, message, hint }] of Object.entries(errorRegistry)) {
      expect(code).toMatch(/^[a-z]+(_[a-z0-9]+)*$/);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(exit).toBeGreaterThanOrEqual(1);
      expect(exit).toBeLessThanOrEqual(8);
      expect(message.length).toBeGreaterThan(0);
      expect(hint.length).toBeGreaterThan(0);
    }
  });
  it('stand in one table each, and every table is in the registry', async () => {
    const folder = new URL('errors/', import.meta.url);
    const files = readdirSync(folder).filter((file) => file !== 'entry.ts');
    const tables = await Promise.all(
      files.map(async (file): Promise<Record<string, object>> => import(new URL(file, folder).href)),
    );
    const codes = tables.flatMap((table) => Object.values(table).flatMap((codesOf) => Object.keys(codesOf)));
    expect(codes.toSorted()).toEqual(Object.keys(errorRegistry).toSorted());
  });
  it('of a stranger have no code of ours, whatever it is called', () => {
    for (const code of ['no_such_code', 'toString', '__proto__', 'constructor'])
      expect(fromProblem({ type: '', code, title: 'odd', status: 500 })).toMatchObject({
        code: 'internal',
        message: 'internal error: odd',
      });
  });
  it('travel as problem documents and come back', () => {
    const problem = toProblem(err('not_found', { kind: 'instance', name: 'web1' }), 'req-1');
    expect(matches(Problem, problem)).toBe(true);
    expect(problem).toMatchObject({
      code: 'not_found',
      status: 404,
      title: 'instance web1 does not exist',
      requestId: 'req-1',
    });
    expect(fromProblem(problem)).toMatchObject({
      code: 'not_found',
      message: 'instance web1 does not exist',
      exit: 3,
    });
  });
  it('of an unknown server are internal, with its words', () => {
    expect(fromProblem({ type: 't', code: 'from_the_future', title: 'odd', status: 400 })).toMatchObject({
      code: 'internal',
      message: 'internal error: odd',
    });
  });
});

describe('names', () => {
  const name = new RegExp(NAME_PATTERN);
  const image = new RegExp(IMAGE_NAME_PATTERN);
  it.each(['web1', 'a', 'test.vm', 'a-b.c-d', 'x'.repeat(63)])('%s', (text) =>
    expect(name.test(text)).toBe(true),
  );
  it.each([
    '',
    '-a',
    'a-',
    '.a',
    'a..b',
    'A',
    'a/b',
    '../a',
    'a\n',
    'a\u0000',
    'a b',
    'ä',
    'x'.repeat(64),
    'x'.repeat(2 ** 20),
  ])('not %j', (text) => {
    expect(name.test(text)).toBe(false);
  });
  it('of images may have slashes, never dots that climb', () => {
    expect(image.test('debian/12')).toBe(true);
    for (const bad of ['/debian', 'debian/', 'a//b', 'a/../b', '..', './a'])
      expect(image.test(bad), bad).toBe(false);
  });
});

describe('validation', () => {
  it('takes what is right', () =>
    expect(validate(CreateInstance, { name: 'web1', flavor: 'small' })).toEqual({
      name: 'web1',
      flavor: 'small',
    }));
  it('names the unknown field and the nearest known one', () => {
    const refused = refusal(() => validate(CreateInstance, { name: 'web1', flavour: 'small' }));
    expect(refused.code).toBe('unknown_field');
    expect(refused.message).toContain('did you mean flavor');
  });
  it('names every ill-typed field', () => {
    const refused = refusal(() => validate(CreateInstance, { name: 'web1', vcpus: 'two', memoryMiB: 1.5 }));
    expect(refused.code).toBe('invalid_body');
    expect(refused.message).toMatch(/vcpus.*memoryMiB/s);
  });
  it('names the allowed words', () => {
    expect(refusal(() => validate(CreateInstance, { name: 'a', power: 'on' })).message).toContain(
      'running, stopped',
    );
  });
  it('never throws anything else', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        try {
          validate(CreateInstance, value);
        } catch (error) {
          expect(error).toBeInstanceOf(GantryError);
        }
      }),
    );
  });
  it('suggests only near words', () => {
    expect(nearest('watchdog_acton', ['watchdog_action', 'rng'])).toBe('watchdog_action');
    expect(nearest('zzzzzz', ['watchdog_action', 'rng'])).toBeUndefined();
  });
});

const web = (state: (typeof instanceStates)[number]) => ({ name: 'web1', spec: {}, status: { state } });

describe('permissions by state', () => {
  it('every action is possible in some state, and a refusal names them', () => {
    for (const [action, states] of Object.entries(instanceActions)) {
      expect(states.length, action).toBeGreaterThan(0);
      for (const state of states) expect(instanceStates).toContain(state);
    }
    expect(permits('start', 'running')).toBe(false);
    expect(refusal(() => requirePermitted('reboot', web('stopped'))).hint).toContain('running');
    expect(refusal(() => requirePermitted('console', web('stopped'))).message).toMatch(
      /: cannot open its console$/,
    );
    expect(refusal(() => requirePermitted('set a disk of', web('failed'))).message).toMatch(/ a disk of it$/);
    expect(refusal(() => requirePermitted('stop', web('suspended'))).hint).toContain('--discard-saved');
  });

  it('a lock refuses every change in every state, with its reason, and lets look and unlock', () => {
    const locked = { reason: 'moves house', by: 'ann', at: '2026-01-01T00:00:00Z' };
    for (const [action, states] of Object.entries(instanceActions))
      for (const state of states) {
        const attempt = () => requirePermitted(action as 'set', { ...web(state), spec: { locked } });
        if (permitsLocked(action as 'set')) attempt();
        else expect(refusal(attempt).message).toBe('instance web1 is locked by ann: moves house');
      }
    expect(permitsLocked('delete')).toBe(false);
    expect(permitsLocked('lock')).toBe(true);
  });
});

describe('the route table', () => {
  it('has no two routes alike, and every write names who may', () => {
    const seen = new Set<string>();
    for (const [name, route] of Object.entries(routes)) {
      const key = `${route.method} ${route.path.replace(/:\w+/g, ':')}`;
      expect(seen.has(key), key).toBe(false);
      seen.add(key);
      if (route.method !== 'GET') expect(route.roles.length, name).toBeGreaterThan(0);
    }
  });
});
