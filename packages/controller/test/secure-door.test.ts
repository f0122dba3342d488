/** The door to other machines: real TLS, real certificates. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { NodeAdded, NodeCertificates } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Env } from '../src/env.ts';
import { httpServer } from '../src/http/http-server.ts';
import { secureDoor } from '../src/http/secure-server.ts';
import type { CertificateAuthority } from '../src/pki/certificate-authority.ts';
import { openAuthority } from '../src/pki/openssl-authority.ts';
import { systemEnv } from '../src/system-env.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-door-'));
let cluster: TestCluster;
let door: Awaited<ReturnType<typeof httpServer>>;
let port: number;
let ca: string;

beforeAll(async () => {
  cluster = await testCluster();
  const authority = await openAuthority(join(folder, 'ca'), 'test', systemEnv());
  ca = authority.certificate;
  cluster.controller.app.remote = { authority, certificates: () => [], url: 'https://127.0.0.1' };
  const secure = await secureDoor(join(folder, 'ca'), authority, ['127.0.0.1', 'localhost'], systemEnv());
  door = await httpServer(cluster.controller.app, secure.create);
  await door.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = door.server.address() as AddressInfo);
});
afterAll(async () => {
  await door.close();
  await cluster.close();
  rmSync(folder, { recursive: true });
});

test('a renewal that fails leaves the door open, and is tried again', async () => {
  const real = await openAuthority(join(folder, 'renewed-ca'), 'test', systemEnv());
  const over = new AbortController();
  const said: string[] = [];
  let [aheadMs, turns] = [0, 0];
  const authority: CertificateAuthority = {
    certificate: real.certificate,
    publicKey: (request) => real.publicKey(request),
    // the first renewal finds a full disk
    issue: (key, profile) => (turns === 1 ? Promise.reject(new Error('ENOSPC')) : real.issue(key, profile)),
    revocations: (nodes) => real.revocations(nodes),
  };
  const env: Env = {
    ...systemEnv(),
    clock: {
      now: () => Date.now() + aheadMs,
      sleep: async () => {
        turns += 1;
        if (turns === 3) over.abort();
      },
    },
    log: (_level, message) => said.push(message),
  };
  const renewed = await secureDoor(join(folder, 'renewed-ca'), authority, ['localhost'], env);
  const before = renewed.certificate();
  aheadMs = 10 * 365 * 86_400_000;
  await renewed.keep(over.signal);
  expect(said).toEqual([
    'the certificate of the controller was not renewed',
    'the certificate of the controller was renewed',
  ]);
  expect(renewed.certificate()).not.toBe(before);
});

interface Answer {
  status: number;
  body: string;
  json: Record<string, unknown>;
}

function ask(
  path: string,
  options: RequestOptions & { token?: string; body?: unknown } = {},
): Promise<Answer> {
  const { token, body, ...rest } = options;
  const headers = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ host: '127.0.0.1', port, path, ca, headers, agent: false, ...rest });
    asked.on('response', (answer) => {
      text(answer).then((all) => {
        const json = all.startsWith('{') ? (JSON.parse(all) as Record<string, unknown>) : {};
        resolve({ status: answer.statusCode ?? 0, body: all, json });
      }, reject);
    });
    asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

interface Keys {
  key: string;
  csr: string;
}
function newKeys(...kind: string[]): Keys {
  const file = join(folder, 'key.pem');
  const words = ['req', '-new', '-newkey', ...kind, '-noenc', '-keyout', file, '-subj', '/CN=n9'];
  const csr = execFileSync('openssl', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return { key: execFileSync('cat', [file], { encoding: 'utf8' }), csr };
}
const p256 = () => newKeys('ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1');

async function joined(name: string, machine: string): Promise<{ key: string; cert: string }> {
  const { secret } = await cluster.call<NodeAdded>('addNode', { body: { name } });
  const [agent, host] = [p256(), newKeys('rsa:2048')];
  const body = { name, machine: machine.repeat(32), requests: { agent: agent.csr, host: host.csr } };
  const { status, json, body: said } = await ask('/v1/join', { method: 'POST', token: secret, body });
  expect([status, said]).toEqual([200, expect.stringContaining('BEGIN CERTIFICATE')]);
  const issued = json as unknown as NodeCertificates;
  return { key: agent.key, cert: issued.agent };
}

test('it is known by the cluster’s authority, and hands out that', async () => {
  expect((await ask('/ca.pem')).body).toBe(ca);
  expect((await ask('/v1/health')).json).toMatchObject({ ok: true });
  await expect(ask('/v1/health', { ca: [] })).rejects.toMatchObject({ code: /SELF_SIGNED|UNABLE_TO/ });
});

test('users come with tokens, agents with certificates', async () => {
  const { key, cert } = await joined('n2', '2');
  expect((await ask('/v1/nodes', { token: cluster.adminToken })).status).toBe(200);
  expect((await ask('/v1/agent/assignments', { token: cluster.agentToken })).json).toMatchObject({
    status: 401,
    code: 'certificate_needed',
  });
  expect((await ask('/v1/agent/assignments')).json).toMatchObject({ code: 'unauthenticated' });
  expect((await ask('/v1/agent/assignments', { key, cert })).status).toBe(200);
  expect((await ask('/v1/nodes', { key, cert })).json).toMatchObject({ code: 'forbidden' });
  // the certificate alone, without its key, is of no use
  await expect(ask('/v1/agent/assignments', { key: p256().key, cert })).rejects.toThrow(/mismatch/);
});

test('a certificate of another authority with the same names is nobody', async () => {
  const other = await openAuthority(join(folder, 'other'), 'test', systemEnv());
  const { key, csr } = p256();
  const { node } = (await cluster.call<NodeAdded>('addNode', { body: { name: 'n3' } })) as NodeAdded;
  const { certificate } = await other.issue(await other.publicKey(csr), {
    use: 'agent',
    name: node.id,
    days: 1,
  });
  expect((await ask('/v1/agent/assignments', { key, cert: certificate })).json).toMatchObject({
    status: 401,
  });
});

test('a certificate of ours that stands in no record is nobody', async () => {
  const { authority } = cluster.controller.app.remote ?? {};
  const { key, csr } = p256();
  const issued = await authority?.issue((await authority.publicKey(csr)) ?? '', {
    use: 'agent',
    name: 'x',
    days: 1,
  });
  expect((await ask('/v1/agent/assignments', { key, cert: issued?.certificate ?? '' })).json).toMatchObject({
    code: 'certificate_needed',
  });
});

test('without a release nobody is given one', async () => {
  for (const path of ['/join.sh', '/release.tar'])
    expect((await ask(path)).json).toMatchObject({ status: 409, code: 'not_joinable' });
});
