import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemEnv } from '../system-env.ts';
import { IssuedCertificates } from './issued.ts';
import { type OpensslAuthority, openAuthority } from './openssl-authority.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-ca-'));
let folder: string;
let authority: OpensslAuthority;
let count = 0;
beforeEach(async () => {
  folder = join(root, String(count++));
  authority = await openAuthority(folder, 'test', systemEnv());
});
afterEach(() => rmSync(folder, { recursive: true }));
afterAll(() => rmSync(root, { recursive: true }));

const request = (...kind: string[]): string =>
  execFileSync(
    'openssl',
    ['req', '-new', '-newkey', ...kind, '-noenc', '-keyout', '/dev/null', '-subj', '/CN=liar'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

test('a certificate says what it is told, not what was asked for', async () => {
  const key = await authority.publicKey(request(...P256));
  const { certificate, fingerprint } = await authority.issue(key, {
    use: 'host',
    name: 'n2',
    dnsNames: ['n2'],
    addresses: ['10.0.0.2', 'fd00::2'],
    days: 90,
  });
  const read = new X509Certificate(certificate);
  expect(read.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
  expect(read.subject).toBe('O=gantry\nOU=host\nCN=n2');
  expect(read.subjectAltName).toBe('DNS:n2, IP Address:10.0.0.2, IP Address:FD00:0:0:0:0:0:0:2');
  expect(read.ca).toBe(false);
  expect(read.publicKey.export({ type: 'spki', format: 'pem' })).toBe(key);
  expect(Buffer.from(fingerprint).toString('hex')).toBe(
    read.fingerprint256.replaceAll(':', '').toLowerCase(),
  );
  expect(Math.round((read.validToDate.getTime() - read.validFromDate.getTime()) / 86_400_000)).toBe(90);
});

test('serial numbers differ', async () => {
  const key = await authority.publicKey(request(...P256));
  const profile = { use: 'agent', name: 'x', days: 1 } as const;
  const serials = [await authority.issue(key, profile), await authority.issue(key, profile)].map(
    ({ certificate }) => new X509Certificate(certificate).serialNumber,
  );
  expect(new Set(serials).size).toBe(2);
});

test('its key is readable by its owner alone, and nothing of the issuing stays', async () => {
  await authority.issue(await authority.publicKey(request(...P256)), { use: 'agent', name: 'x', days: 1 });
  expect(readdirSync(folder).sort()).toEqual(['ca.key', 'ca.pem']);
  expect(statSync(join(folder, 'ca.key')).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test('opened again it is the same one; without its certificate it is made anew', async () => {
  expect((await openAuthority(folder, 'test', systemEnv())).certificate).toBe(authority.certificate);
  rmSync(join(folder, 'ca.pem'));
  expect((await openAuthority(folder, 'test', systemEnv())).certificate).not.toBe(authority.certificate);
});

test('a key that is not its own is told', async () => {
  const other = join(root, 'other');
  await openAuthority(other, 'other', systemEnv());
  execFileSync('cp', [join(other, 'ca.key'), join(folder, 'ca.key')]);
  await expect(openAuthority(folder, 'test', systemEnv())).rejects.toMatchObject({ code: 'store_unusable' });
});

test.each([
  ['no request', () => 'nonsense'],
  ['a request signed by another key', () => forged()],
  ['a short key', () => request('rsa:1024')],
  ['a curve that few know', () => request('ec', '-pkeyopt', 'ec_paramgen_curve:secp521r1')],
])('%s is refused', async (_, make) => {
  await expect(authority.publicKey(make())).rejects.toMatchObject({ code: 'invalid_argument' });
});

test.each(['a,DNS:b', 'a\n[x]', '$ENV::HOME', '', '*'])('the name %j is refused', async (name) => {
  const key = await authority.publicKey(request(...P256));
  const profile = { use: 'host', name: 'n', dnsNames: [name], days: 1 } as const;
  await expect(authority.issue(key, profile)).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(authority.issue(key, { ...profile, name, dnsNames: [] })).rejects.toThrow();
});

/** The last byte of the signature is another. */
function forged(): string {
  const [head, ...lines] = request(...P256)
    .trim()
    .split('\n');
  const der = Buffer.from(lines.slice(0, -1).join(''), 'base64');
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  return `${head}\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n${lines.at(-1)}\n`;
}

test('certificates of nodes that are gone are on the list of the revoked, also after a restart', async () => {
  const key = await authority.publicKey(request(...P256));
  const of = async (node: string) =>
    (await authority.issue(key, { use: 'host', name: 'x', node, days: 90 })).certificate;
  const [stays, goes] = [await of('one'), await of('two')];
  const ca = join(folder, 'ca.pem');
  const verdict = (certificate: string, crl: string): string => {
    writeFileSync(join(folder, 'c.pem'), certificate);
    writeFileSync(join(folder, 'crl.pem'), crl);
    const words = ['verify', '-crl_check', '-CAfile', ca, '-CRLfile', join(folder, 'crl.pem')];
    return spawnSync('openssl', [...words, join(folder, 'c.pem')], { encoding: 'utf8' }).stderr;
  };
  const all = await authority.revocations(new Set(['one', 'two']));
  expect([verdict(stays, all), verdict(goes, all)]).toEqual(['', '']);
  const again = await openAuthority(folder, 'test', systemEnv());
  for (const each of [authority, again]) {
    const left = await each.revocations(new Set(['one']));
    expect(verdict(stays, left)).toBe('');
    expect(verdict(goes, left)).toContain('certificate revoked');
  }
  expect(await again.revocations(new Set(['one']))).toBe(await again.revocations(new Set(['one', 'new'])));
});

test('what has ended is forgotten, and a line that a crash cut off does no harm', async () => {
  const file = join(folder, 'issued');
  const line = (serial: string, endsMs: number) => JSON.stringify({ node: 'n', serial, endsMs });
  writeFileSync(
    file,
    `${line('AA', Date.now() - 1)}\n${line('BB', Date.now() + 3_600_000)}\n${line('CC', 9).slice(0, 9)}`,
  );
  const list = await (await openAuthority(folder, 'test', systemEnv())).revocations(new Set());
  const said = execFileSync('openssl', ['crl', '-noout', '-text'], { input: list, encoding: 'utf8' });
  expect(said.match(/Serial Number: \w+/g)).toEqual(['Serial Number: BB']);
  expect(readFileSync(file, 'utf8')).toMatch(/^[^\n]*"BB"[^\n]*\n$/);
});

test('what a full disk cut off costs only itself: the next certificate can still be revoked', async () => {
  const path = join(folder, 'issued');
  const issued = await IssuedCertificates.open(path, 0);
  const entry = (node: string) => ({ node, serial: 'AB12', endsMs: 10 });
  await issued.add(entry('first'));
  const { prototype } = (await open(path).then(async (file) => {
    await file.close();
    return file.constructor;
  })) as { prototype: { appendFile(text: string): Promise<void> } };
  const full = vi.spyOn(prototype, 'appendFile').mockImplementationOnce(async function (
    this: FileHandle,
    text,
  ) {
    await this.write(text.slice(0, 20));
    throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  });
  await expect(issued.add(entry('second'))).rejects.toThrow('full');
  full.mockRestore();
  await issued.add(entry('third'));
  const again = await IssuedCertificates.open(path, 0);
  expect(again.ofOthers(new Set(), 0).map(({ node }) => node)).toEqual(['first', 'third']);
});

test('work folders of calls that were killed go when it is opened', async () => {
  for (const name of ['issue-a1B2c3', 'revoke-x']) mkdirSync(join(folder, name));
  await openAuthority(folder, 'test', systemEnv());
  expect(readdirSync(folder).toSorted()).toEqual(['ca.key', 'ca.pem']);
});
