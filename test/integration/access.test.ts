/**
 * The command against a controller behind its two real doors: the unix socket, and TLS for other machines, on loopback.
 * Its node is a script: who may what is decided before any is asked.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  initCluster,
  type RunningServer,
  SqliteStore,
  startServer,
  storePath,
  systemEnv,
} from '../../packages/controller/src/index.ts';
import { FakeAgent } from '../../packages/controller/src/testing/index.ts';
import { GANTRY } from '../lab/cluster.ts';
import { examplesOf } from '../lab/examples.ts';
import { type Ran, run } from '../lab/run.ts';

/** Loopback, written so that the controller takes it for another machine's door and speaks TLS there. */
const DOOR = '::ffff:127.0.0.1';
const folder = mkdtempSync(join(tmpdir(), 'gantry-access-'));
const state = join(folder, 'state');
const env = { ...systemEnv(), log: () => undefined };
let server: RunningServer;
let beats: NodeJS.Timeout;
let url: string;
let admin: string;
let fingerprint: string;

const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

beforeAll(async () => {
  mkdirSync(join(state, 'controller'), { recursive: true });
  const store = new SqliteStore(storePath(state));
  const made = await initCluster(store, env, { name: 'test', node: 'n1' });
  admin = made.adminToken;
  await store.close();
  const port = await freePort();
  const socket = join(state, 'run', 'api.sock');
  server = await startServer(env, { state, socket, listen: { host: DOOR, port }, advertise: ['127.0.0.1'] });
  url = `https://127.0.0.1:${port}`;
  writeToken('admin', admin);
  const agent = new FakeAgent(server.controller, env, made.agentToken);
  await agent.hello();
  // Its node is not lost, however long the commands take.
  beats = setInterval(() => void agent.hello().catch(() => undefined), 10_000);
  fingerprint = (await json<{ status: { reached: { caSha256: string } } }>('root', 'cluster', 'show')).status
    .reached.caSha256;
});
afterAll(async () => {
  clearInterval(beats);
  await server.close();
  rmSync(folder, { recursive: true });
});

function writeToken(name: string, secret: string): string {
  const file = join(folder, `${name}.token`);
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return file;
}

/** Each person has a configuration of his own; root of the machine uses the socket. */
function gantry(person: string, ...words: string[]): Promise<Ran> {
  const { GANTRY_ENDPOINT: _, GANTRY_TOKEN: __, GANTRY_CONFIG: ___, ...rest } = process.env;
  const home = join(folder, person);
  mkdirSync(home, { recursive: true });
  const local = { GANTRY_ENDPOINT: `unix:${join(state, 'run', 'api.sock')}`, GANTRY_TOKEN: admin };
  const own = { ...rest, HOME: home, XDG_CONFIG_HOME: join(home, 'cfg'), NO_COLOR: '1' };
  return run([GANTRY, ...words], { env: person === 'root' ? { ...own, ...local } : own });
}
async function ok(person: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await gantry(person, ...words);
  expect(code, `${words.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}
const json = async <T>(person: string, ...words: string[]): Promise<T> =>
  JSON.parse(await ok(person, ...words, '-o', 'json')) as T;
async function refused(exit: number, message: string, person: string, ...words: string[]): Promise<void> {
  const { code, stderr } = await gantry(person, ...words);
  expect([code, stderr], words.join(' ')).toEqual([exit, expect.stringContaining(message)]);
}
const add = (token: string, ...more: string[]) =>
  [
    'context',
    'add',
    'lab',
    '--server',
    url,
    '--fingerprint',
    fingerprint,
    '--token-file',
    token,
    ...more,
  ] as const;

test('a person is let in from afar, does what his role permits, and it is written down', async () => {
  await ok('root', 'project', 'create', 'web', '--quota', 'instances=0');
  await ok('root', 'user', 'create', 'eve', '--full-name', 'Eve');
  await ok('root', 'project', 'grant', 'web', 'eve', 'operator');
  const secret = (await ok('root', 'token', 'create', 'laptop', '--user', 'eve', '--expires', '1h')).trim();
  const file = writeToken('eve', secret);

  // not the right one: nothing is sent and nothing kept
  const other = fingerprint.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  await refused(
    8,
    fingerprint,
    'eve',
    'context',
    'add',
    'lab',
    '--server',
    url,
    '--fingerprint',
    other,
    '--token-file',
    file,
  );
  await refused(4, 'no valid token', 'eve', ...add(writeToken('bad', `${secret}x`)));
  expect(await json('eve', 'context', 'list')).toEqual([]);

  await ok('eve', ...add(file, '--use'));
  await refused(5, 'exists already', 'eve', ...add(file));
  const config = join(folder, 'eve', 'cfg', 'gantry', 'config.json');
  expect(statSync(config).mode & 0o777).toBe(0o600);
  expect(readFileSync(config, 'utf8')).toContain(secret);
  expect(await ok('eve', 'context', 'show')).toContain(fingerprint);
  for (const words of [
    ['context', 'show', '-o', 'json'],
    ['context', 'list', '-o', 'json'],
  ])
    expect(await ok('eve', ...words)).not.toContain(secret.slice(7));

  expect(await json('eve', 'whoami')).toMatchObject({
    user: { name: 'eve' },
    projects: [{ name: 'web', role: 'operator' }],
  });
  expect(await json('eve', 'project', 'list')).toMatchObject([{ name: 'web' }]);
  await refused(3, 'does not exist', 'eve', 'project', 'show', 'default');
  await refused(4, 'admin', 'eve', 'user', 'create', 'mallory');
  await refused(4, 'role', 'eve', 'token', 'create', 'more', '--role', 'admin');
  await refused(6, 'instances: 0 of 0 used, 1 needed', 'eve', 'launch', 'debian/12', 'web1', '--plan');

  const rows = await json<{ actor: string; audit: object }[]>(
    'root',
    'audit',
    'list',
    '--user',
    'eve',
    '--refused',
  );
  expect(rows.map(({ audit }) => audit)).toContainEqual(
    expect.objectContaining({
      route: 'createUser',
      result: 'forbidden',
      from: '127.0.0.1',
      token: expect.objectContaining({ name: 'laptop' }),
    }),
  );
  expect(JSON.stringify(rows)).not.toContain(secret.slice(7));
});

test('what ends is told in its own words', async () => {
  await ok('root', 'user', 'create', 'bob', '--role', 'viewer');
  const file = writeToken('bob', (await ok('root', 'token', 'create', 'phone', '--user', 'bob')).trim());
  await ok('bob', ...add(file, '--use'));
  await refused(4, 'role', 'bob', 'audit', 'list');
  await ok('root', 'user', 'disable', 'bob');
  await refused(4, 'user bob is disabled', 'bob', 'instance', 'list');
  await ok('root', 'user', 'enable', 'bob');
  await ok('bob', 'instance', 'list');
  await ok('root', 'token', 'revoke', 'phone');
  await refused(4, 'token phone was revoked', 'bob', 'instance', 'list');
  await refused(5, 'nobody could administer', 'root', 'user', 'delete', 'admin', '--yes');
  await ok('bob', 'context', 'remove', 'lab', '--yes');
  await refused(3, 'does not exist', 'bob', 'context', 'show', 'lab');
  expect(readFileSync(join(folder, 'bob', 'cfg', 'gantry', 'config.json'), 'utf8')).not.toContain('gantry_');
});

describe('as the documentation shows it', () => {
  const parts = [
    examplesOf('docs/access.md', 'Roles'),
    examplesOf('docs/access.md', 'Quotas'),
    examplesOf('docs/access.md', 'Who did what'),
  ];
  const afar = examplesOf('docs/access.md', 'From another machine');

  test('on the controller’s machine', async () => {
    for (const part of parts) {
      for (const command of part.commands)
        await ok('root', ...part.take(command, { eve: 'ada', web: 'shop' }));
      expect(part.left()).toEqual([]);
    }
    const { spec } = await json<{ spec: { quota?: object } }>('root', 'project', 'show', 'shop');
    expect(spec.quota).toMatchObject({ instances: 10 });
  });

  test('in scripts', async () => {
    const scripts = examplesOf('docs/scripts.md');
    const answers: string[] = [];
    for (const command of scripts.commands) answers.push(await ok('root', ...scripts.take(command)));
    expect(scripts.left()).toEqual([]);
    const [created, instances, failed, plan, deleted] = answers;
    expect([created, instances, failed]).toEqual(['wee\n', '', 'op,target,took\n']);
    expect(plan).toContain('delete wee');
    expect(JSON.parse(deleted ?? '')).toMatchObject({
      kind: 'flavor',
      name: 'wee',
      spec: { memoryMiB: 512 },
    });
  });

  test('from another one', async () => {
    const secret = (await ok('root', 'token', 'create', 'desk', '--user', 'ada')).trim();
    const replaced = { SHA256: fingerprint, token: writeToken('ada', secret), 'https://10.0.0.1:7460': url };
    for (const command of afar.commands) {
      const confirmed = command.startsWith('context remove') ? ['--yes'] : [];
      await ok('ada', ...afar.take(command, replaced), ...confirmed);
    }
    expect(afar.left()).toEqual([]);
    expect(await json('ada', 'context', 'list')).toEqual([]);
  });
});

test('bad words and bad files are refused before anything is sent', async () => {
  const file = writeToken('carol', 'x y');
  const open = writeToken('open', admin);
  chmodSync(open, 0o644);
  const words = (server: string, print: string, token: string) =>
    ['context', 'add', 'x', '--server', server, '--fingerprint', print, '--token-file', token] as const;
  await refused(2, 'https://HOST:PORT', 'carol', ...words(url.replace('https', 'http'), fingerprint, file));
  await refused(2, 'https://HOST:PORT', 'carol', ...words(`${url}/v1`, fingerprint, file));
  await refused(2, '64 hexadecimal digits', 'carol', ...words(url, fingerprint.slice(1), file));
  await refused(2, 'one token', 'carol', ...words(url, fingerprint, file));
  await refused(2, 'can be read', 'carol', ...words(url, fingerprint, join(folder, 'none')));
  await refused(
    2,
    'the name',
    'carol',
    'context',
    'add',
    '../x',
    '--server',
    url,
    '--fingerprint',
    fingerprint,
  );
  const noticed = await gantry('carol', ...words(url, fingerprint, open));
  expect([noticed.code, noticed.stderr]).toEqual([0, expect.stringContaining('others can read')]);
});
