import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Layout, layoutOf, type Settings } from './layout.ts';
import { ensureStore, storeExists } from './store.ts';

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const settings: Settings = {
  name: 'lab',
  node: 'n1',
  mode: 'detached',
  bridge: 'gy0',
  subnet: '10.0.0.0/24',
  complete: false,
};
/** Stands in for the controller's `init`: keeps what it was told as its store. */
const fakeServer = `
import { mkdirSync, writeFileSync } from 'node:fs';
const [command, , state] = process.argv.slice(2);
let input = '';
for await (const chunk of process.stdin) input += chunk;
mkdirSync(state + '/controller');
writeFileSync(state + '/controller/store.db', command + ' ' + input);
console.log(JSON.stringify({ cluster: 'c', adminToken: 'admin-1', agentToken: 'agent-1' }));
`;
let layout: Layout;
let programs: { node: string; server: string; agent: string };

beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), 'gantry-store-')));
  mkdirSync(layout.agent);
  const server = join(layout.state, 'fake.mjs');
  writeFileSync(server, fakeServer);
  programs = { node: process.execPath, server, agent: '' };
});
afterEach(() => rmSync(layout.state, { recursive: true }));

const store = () => readFileSync(join(layout.controller, 'store.db'), 'utf8');

test('the store comes with its tokens, which only root can read', async () => {
  await ensureStore(layout, settings, owner, programs);
  expect(store()).toMatch(/^init \{"name":"lab","node":"n1"/);
  expect(readFileSync(layout.adminToken, 'utf8')).toBe('admin-1\n');
  expect(statSync(layout.adminToken).mode & 0o777).toBe(0o600);
  expect(readFileSync(layout.agentToken, 'utf8')).toBe('agent-1\n');
  expect(existsSync(layout.draft)).toBe(false);
});

test('a store that is there is left alone', async () => {
  mkdirSync(layout.controller);
  writeFileSync(join(layout.controller, 'store.db'), 'precious');
  await ensureStore(layout, settings, owner, programs);
  expect(store()).toBe('precious');
});

test('what a crash left behind before the rename is made anew', async () => {
  mkdirSync(join(layout.draft, 'controller'), { recursive: true });
  writeFileSync(join(layout.draft, 'controller', 'store.db'), 'half');
  writeFileSync(layout.adminToken, 'token of the half one\n');
  await ensureStore(layout, settings, owner, programs);
  expect(store()).toMatch(/^init /);
  expect(readFileSync(layout.adminToken, 'utf8')).toBe('admin-1\n');
});

test('a failure is told with the reason, and leaves no store', async () => {
  writeFileSync(
    programs.server,
    'process.stderr.write("error: the subnet is not valid\\n"); process.exit(2);',
  );
  await expect(ensureStore(layout, settings, owner, programs)).rejects.toThrow('the subnet is not valid');
  expect(storeExists(layout)).toBe(false);
});
