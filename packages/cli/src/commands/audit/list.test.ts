import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';
import { parseMoment } from './list.ts';

const now = Date.UTC(2026, 0, 31);

test.each([
  ['7d', '2026-01-24T00:00:00.000Z'],
  ['90m', '2026-01-30T22:30:00.000Z'],
  ['2026-01-01', '2026-01-01T00:00:00.000Z'],
  ['2026-01-01T10:00:00+02:00', '2026-01-01T08:00:00.000Z'],
])('--since %s', (text, expected) => {
  expect(parseMoment(text, now)).toBe(expected);
});

test.each(['', 'yesterday', '7', '12', '-1d', '2026-13-01', '2026-01-01x'])(
  '--since %j is refused',
  (text) => {
    expect(() => parseMoment(text, now)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  },
);

const api = new FakeApi();
beforeAll(() => api.start());
afterAll(() => api.stop());

test('audit list asks for what was named and shows who, what and how it ended', async () => {
  const row = {
    number: 7,
    at: '2026-01-01T00:00:00.000Z',
    type: 'api.delete-instance',
    level: 'warn',
    actor: 'eve',
    subject: { kind: 'instance', id: 'x', name: 'web1' },
    message: 'refused: \u001b[31mred',
    audit: {
      route: 'deleteInstance',
      result: 'forbidden',
      token: { id: 'y', name: 'laptop' },
      from: '10.0.0.9',
    },
  };
  api.answers = { 'GET /v1/audit': { items: [row] } };
  const { code, out } = await api.gantry(
    'audit',
    'list',
    '--user',
    'eve',
    '--since',
    '2026-01-01',
    '--refused',
  );
  expect(code).toBe(0);
  expect(api.asked.at(-1)?.query).toEqual({
    user: 'eve',
    since: '2026-01-01T00:00:00.000Z',
    refused: 'true',
    limit: '100',
  });
  expect(out).toMatch(/eve +deleteInstance +instance web1 +forbidden/);
  expect(out).not.toContain('\u001b');
  expect((await api.gantry('audit', 'list', '-o', 'wide')).out).toMatch(/laptop +10\.0\.0\.9/);
  expect((await api.gantry('audit', 'list', '--filter', 'user=bob', '-o', 'json')).out.trim()).toBe('[]');
});
