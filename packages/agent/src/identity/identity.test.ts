import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { err, type NodeCertificates, type SigningRequests } from '@gantry/model';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { IdentityFiles, renewAtMs } from './identity-files.ts';
import { installRevocations, removePki, writePki } from './pki-layout.ts';
import { keepIdentity } from './renewal.ts';
import { keepRevocations } from './revocations.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-identity-'));
const { signal } = new AbortController();
const DAY_MS = 86_400_000;
let state: string;
let files: IdentityFiles;
let count = 0;

const openssl = (input: string, ...words: string[]) =>
  execFileSync('openssl', words, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });

beforeAll(() => {
  openssl(
    '',
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-noenc',
    '-subj',
    '/CN=CA',
    '-keyout',
    join(root, 'ca.key'),
    '-out',
    join(root, 'ca.pem'),
  );
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  state = join(root, String(count++));
  mkdirSync(join(state, 'agent'), { recursive: true });
  files = new IdentityFiles(state);
});

/** Certificates of 90 days. */
function certify({ agent, host }: SigningRequests): NodeCertificates {
  const sign = (request: string) =>
    openssl(
      request,
      'x509',
      '-req',
      '-CA',
      join(root, 'ca.pem'),
      '-CAkey',
      join(root, 'ca.key'),
      '-days',
      '90',
    );
  const nil = '00000000-0000-0000-0000-000000000000' as never;
  const ca = readFileSync(join(root, 'ca.pem'), 'utf8');
  return { cluster: nil, node: nil, ca, agent: sign(agent), host: sign(host) };
}
const adopt = async () => files.adopt('n2', 'https://c:1', certify(await files.prepare(signal)));

describe('identity', () => {
  test('keys and certificates belong together, and only root reads them', async () => {
    const identity = await adopt();
    expect(await files.current()).toEqual(identity);
    for (const { key, cert } of [identity.agent, identity.host]) {
      const words = ['pkey', '-pubout'];
      const known = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'pem' });
      expect(openssl(key, ...words)).toBe(known);
    }
    expect(new X509Certificate(identity.host.cert).publicKey.asymmetricKeyType).toBe('rsa');
    expect(statSync(join(state, 'agent', 'identity.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(state, 'agent'))).toEqual(['identity.json']);
  });

  test('until there are certificates the same keys are shown', async () => {
    const first = certify(await files.prepare(signal));
    const second = certify(await new IdentityFiles(state).prepare(signal));
    const keyOf = (pem: string) => new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' });
    expect([keyOf(second.agent), keyOf(second.host)]).toEqual([keyOf(first.agent), keyOf(first.host)]);
    expect(await files.current()).toBeUndefined();
  });

  test('a key that was cut off is made anew', async () => {
    mkdirSync(join(state, 'agent', 'new-keys'));
    writeFileSync(join(state, 'agent', 'new-keys', 'agent.key.draft'), '-----BEGIN');
    await adopt();
  });

  test('keys are new each time, also after a crash before the old ones were forgotten', async () => {
    const before = await adopt();
    mkdirSync(join(state, 'agent', 'new-keys'));
    for (const which of ['agent', 'host'] as const)
      writeFileSync(join(state, 'agent', 'new-keys', `${which}.key`), before[which].key);
    const after = await adopt();
    expect(after.agent.key).not.toBe(before.agent.key);
    expect(after.host.key).not.toBe(before.host.key);
  });
});

describe('renewal', () => {
  /** A clock that moves only when something waits for it. */
  function virtual(endMs: number) {
    let nowMs = Date.now();
    const stop = new AbortController();
    const clock = {
      now: () => nowMs,
      async sleep(ms: number) {
        nowMs += ms;
        if (nowMs > endMs) stop.abort();
        stop.signal.throwIfAborted();
      },
    };
    return { clock, signal: stop.signal };
  }
  const log = () => {};

  test('in a year certificates never come near their end, and each is taken up', async () => {
    await adopt();
    const { clock, signal: end } = virtual(Date.now() + 365 * DAY_MS);
    const used: string[] = [];
    let least = Number.POSITIVE_INFINITY;
    let issuedMs = clock.now();
    // openssl signs by the machine's clock: what counts is how old by the virtual clock each became
    const parts = {
      env: { clock: { ...clock, now: () => Date.now() + clock.now() - issuedMs }, log },
      files,
      async certify(requests: SigningRequests) {
        least = Math.min(least, 90 * DAY_MS - (clock.now() - issuedMs));
        issuedMs = clock.now();
        return certify(requests);
      },
      use: async ({ agent }: { agent: { cert: string } }) => void used.push(agent.cert),
    };
    await expect(keepIdentity(parts, end)).rejects.toThrow();
    expect(used).toHaveLength(7);
    expect(new Set(used).size).toBe(7);
    expect(least).toBeGreaterThan(29 * DAY_MS);
  });

  test('an unreachable controller is asked again, and again', async () => {
    const before = await adopt();
    const { clock } = virtual(Number.POSITIVE_INFINITY);
    const end = new AbortController();
    let tries = 0;
    const parts = {
      env: { clock, log },
      files,
      async certify(requests: SigningRequests) {
        if (++tries < 5) throw new Error('down');
        return certify(requests);
      },
      async use({ agent }: { agent: { cert: string } }) {
        if (agent.cert !== before.agent.cert) end.abort();
      },
    };
    await keepIdentity(parts, end.signal);
    expect(tries).toBe(5);
    expect((await files.current())?.agent.cert).not.toBe(before.agent.cert);
  });

  test('the controller’s own node gets its first ones too', async () => {
    const { clock, signal: end } = virtual(Date.now() + DAY_MS);
    const parts = {
      env: { clock, log },
      files,
      certify: async (requests: SigningRequests) => certify(requests),
      use: async () => {},
      first: { name: 'n1', api: 'unix:/x' },
    };
    await expect(keepIdentity(parts, end)).rejects.toThrow();
    expect(await files.current()).toMatchObject({ name: 'n1', api: 'unix:/x' });
  });

  test('two thirds through', async () => {
    const identity = await adopt();
    expect(Math.round((renewAtMs(identity) - Date.now()) / DAY_MS)).toBe(60);
  });
});

test('libvirt and QEMU find the certificate in their layout; nothing is written twice', async () => {
  const identity = await adopt();
  const pki = join(state, 'pki');
  expect(await writePki(pki, identity, process.getgid?.())).toBe(true);
  const found = readdirSync(pki, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(pki.length + 1))
    .sort();
  expect(found).toEqual([
    'CA/cacert.pem',
    'libvirt/clientcert.pem',
    'libvirt/private/clientkey.pem',
    'libvirt/private/serverkey.pem',
    'libvirt/servercert.pem',
    'qemu/ca-cert.pem',
    'qemu/client-cert.pem',
    'qemu/client-key.pem',
    'qemu/server-cert.pem',
    'qemu/server-key.pem',
  ]);
  for (const path of found.filter((name) => /key[.]pem$/.test(name)))
    expect(statSync(join(pki, path)).mode & 0o777).toBe(0o640);
  expect(await writePki(pki, identity, process.getgid?.())).toBe(false);
  const others = join(pki, 'CA', 'cacert.pem');
  writeFileSync(others, 'another authority');
  await removePki(pki, identity);
  const left = readdirSync(pki, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(left.map(({ name }) => name)).toEqual(['cacert.pem']);
});

test('the list of revoked certificates comes where libvirt and QEMU look, libvirt is told, and it goes with the CA', async () => {
  const identity = await adopt();
  const pki = join(state, 'pki');
  const told: string[][] = [];
  const run = async (argv: readonly string[]) => {
    told.push([...argv]);
    return { code: 0, stdout: '', stderr: '', truncated: false };
  };
  const install = (ca: string, crl: string) => installRevocations(pki, ca, crl, '/run/x/libvirt-sock', run);
  await install(identity.ca, 'list 1');
  expect(told).toEqual([]);
  await writePki(pki, identity, process.getgid?.());
  await install('another authority', 'list 1');
  expect(told).toEqual([]);
  await install(identity.ca, 'list 1');
  await install(identity.ca, 'list 1');
  const admin = 'libvirtd:///system?socket=/run/x/libvirt-admin-sock';
  expect(told).toEqual([['virt-admin', '-c', admin, 'server-update-tls', 'libvirtd']]);
  for (const path of ['CA/cacrl.pem', 'qemu/ca-crl.pem'])
    expect(readFileSync(join(pki, path), 'utf8')).toBe('list 1');
  await removePki(pki, identity);
  const left = readdirSync(pki, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(left).toEqual([]);
});

test('the list is asked for again and again; where there is no authority, seldom', async () => {
  const end = new AbortController();
  const waits: number[] = [];
  const clock = {
    sleep: (ms: number) => {
      waits.push(ms);
      if (waits.length === 4) end.abort();
      return Promise.resolve();
    },
  };
  const answers = [
    'a',
    err('api_unreachable', { url: 'x', why: 'down' }),
    'b',
    err('not_joinable', { why: 'alone' }),
  ];
  const installed: string[] = [];
  await keepRevocations(
    {
      env: { clock, log: () => {} },
      fetch: () => {
        const answer = answers.shift() ?? '';
        return typeof answer === 'string' ? Promise.resolve(answer) : Promise.reject(answer);
      },
      install: async (crl) => void installed.push(crl),
    },
    end.signal,
  );
  expect(installed).toEqual(['a', 'b']);
  expect(waits).toEqual([30_000, 30_000, 30_000, 3_600_000]);
});
