import {
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig, requireSafe, writeConfig } from './config.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-config-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const path = () => join(dir, 'config.json');
const env = () => ({ GANTRY_CONFIG: path() });
const config = { current: 'lab', contexts: { lab: { url: 'https://c:7460', token: 'gantry_x' } } };

describe('the file', () => {
  test('is for its owner alone, also where it was open before', () => {
    writeFileSync(path(), '{"contexts":{}}', { mode: 0o644 });
    writeConfig(env(), config);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readConfig(env())).toEqual(config);
  });

  test('is not written through a link that somebody laid in the way of its draft', () => {
    const theirs = join(dir, 'theirs');
    writeFileSync(theirs, 'mine');
    symlinkSync(theirs, `${path()}.${process.pid}`);
    writeConfig(env(), config);
    expect(readFileSync(theirs, 'utf8')).toBe('mine');
    expect(readConfig(env())).toEqual(config);
  });

  test('may itself be a link, and stays one', () => {
    const kept = join(dir, 'kept.json');
    writeFileSync(kept, '{"contexts":{}}');
    symlinkSync(kept, path());
    writeConfig(env(), config);
    expect(lstatSync(path()).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toEqual(config);
  });

  test.each([
    'null',
    '[]',
    '{"contexts":{"a":{"url":7}}}',
    '{"contexts":{"a":{"url":"https://c","token":7}}}',
    '{"contexts":{"a":{"url":"https://c","ca":{}}}}',
  ])('with %s in it is refused, and told', (text) => {
    writeFileSync(path(), text);
    expect(() => readConfig(env())).toThrow(expect.objectContaining({ code: 'invalid_argument' }) as Error);
  });
});

describe('a token goes', () => {
  test.each(['https://c:7460', 'http://127.0.0.1:7460', 'http://localhost:1', 'http://[::1]:7460'])(
    'to %s',
    (url) => {
      expect(() => requireSafe({ url, token: 'gantry_x' })).not.toThrow();
    },
  );

  test.each(['a\nb', 'a b', 'a\u001b[2J', 'ü', ''])('only if it is one: %j', (token) => {
    expect(() => requireSafe({ url: 'https://c:1', token })).toThrow(/the token/);
  });

  test('to no socket of somebody else in the place of the controller’s', async () => {
    const state = join(dir, 's');
    mkdirSync(join(state, 'run'), { recursive: true });
    mkdirSync(join(state, 'controller'));
    const socket = join(state, 'run', 'api.sock');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    const go = () => requireSafe({ url: `unix:${socket}`, token: 'gantry_x' });
    try {
      chownSync(join(state, 'controller'), 4711, 4711);
      chownSync(socket, 4711, 4711);
      expect(go).not.toThrow();
      chownSync(socket, 4712, 4711);
      expect(go).toThrow(expect.objectContaining({ code: 'foreign_socket' }) as Error);
    } finally {
      server.close();
    }
  });
});
