import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../client.ts';
import { TransportError } from '../errors.ts';
import type { SessionOptions } from '../options.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../testing/fake-libvirtd.ts';
import type { FakeSasl } from '../testing/fake-sasl.ts';
import { accountIn, formatAuthConf, parseKeyFile } from './auth-conf.ts';
import { chooseMechanism } from './mechanisms.ts';
import { scramClient } from './scram.ts';

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe('SCRAM', () => {
  // The examples of RFC 7677 section 3 and RFC 5802 section 5.
  const account = { authname: 'user', password: 'pencil' };
  const vectors = [
    {
      hash: 'sha256',
      nonce: 'rOprNGfwEbeRWgbNEkqO',
      challenge: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      server: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    },
    {
      hash: 'sha1',
      nonce: 'fyko+d2lbbFgONRv9qkxdawL',
      challenge: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
      proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      server: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    },
  ] as const;

  test.each(vectors)('$hash: the example of its RFC', async ({ hash, nonce, challenge, proof, server }) => {
    const client = scramClient(hash, account, nonce);
    expect(text(client.first())).toBe(`n,,n=user,r=${nonce}`);
    const r = challenge.slice(2, challenge.indexOf(',s='));
    expect(text(await client.step(Buffer.from(challenge)))).toBe(`c=biws,r=${r},p=${proof}`);
    expect(client.done).toBe(false);
    expect(await client.step(Buffer.from(server))).toBeUndefined();
    expect(client.done).toBe(true);
  });

  test('a server that cannot prove itself is refused', async () => {
    const client = scramClient('sha256', account, vectors[0].nonce);
    await client.step(Buffer.from(vectors[0].challenge));
    await expect(client.step(Buffer.from(`v=${'A'.repeat(43)}=`))).rejects.toThrow(
      /not the server it claims/,
    );
    await expect(client.step(Buffer.from('e=other-error'))).rejects.toThrow(/other-error/);
  });

  test.each([
    ['r=elsewhere,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', /nonce/],
    ['r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', /nonce/],
    ['r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1', /1 SCRAM iterations/],
    ['r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999', /999999999 SCRAM iterations/],
    ['nonsense', /cannot be read/],
    ['', /cannot be read/],
  ])('a bad challenge: %j', async (challenge, why) => {
    const client = scramClient('sha256', account, 'abc');
    await expect(client.step(Buffer.from(challenge))).rejects.toThrow(why);
  });

  test('any challenge is answered or refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        const client = scramClient('sha256', account, 'abc');
        await expect(client.step(bytes)).rejects.toBeInstanceOf(TransportError);
      }),
    );
  });
});

describe('the mechanism', () => {
  test('is the best that both have, or the one asked for', () => {
    expect(chooseMechanism(['PLAIN', 'scram-sha-1', 'SCRAM-SHA-256'], undefined)).toBe('SCRAM-SHA-256');
    expect(chooseMechanism(['PLAIN', 'SCRAM-SHA-1'], undefined)).toBe('SCRAM-SHA-1');
    expect(chooseMechanism(['PLAIN', 'SCRAM-SHA-1'], 'plain')).toBe('PLAIN');
  });

  test.each([
    [['GSSAPI'], /Kerberos is not built into this client.*mech_list: scram-sha-256/],
    [['DIGEST-MD5'], /DIGEST-MD5 is broken.*mech_list: scram-sha-256/],
    [[], /none at all.*mech_list/],
  ])('%j: the error names the remedy', (offered, why) => {
    expect(() => chooseMechanism(offered, undefined)).toThrow(why);
  });
});

describe('auth.conf', () => {
  const conf = `
# accounts
[credentials-test]
authname=fred
password = 123=456 \\s\\\\

[credentials-other]
authname=wilma
password=x

[auth-libvirt-prod.example.com]
credentials=test

[auth-libvirt-default]
credentials=other
[auth-libvirt-broken]
credentials=nobody
[auth-libvirt-empty]
some_key = 1
of.another program=2
password[de]=3
`;
  const find = (host: string) => accountIn(parseKeyFile(conf, 'f'), 'f', 'libvirt', host);

  test('gives the account of the host, else the default', () => {
    expect(find('prod.example.com')).toEqual({ authname: 'fred', password: '123=456  \\' });
    expect(find('anything')).toEqual({ authname: 'wilma', password: 'x' });
    expect(accountIn(parseKeyFile('', 'f'), 'f', 'libvirt', 'h')).toBeUndefined();
  });

  test.each([
    ['broken', /credentials-nobody, which is not there/],
    ['empty', /no line credentials=NAME/],
  ])('says what is wrong: %s', (host, why) => {
    expect(() => find(host)).toThrow(why);
  });

  test('a line that is none is named', () => {
    expect(() => parseKeyFile('[a]\nb', '/p')).toThrow('/p line 2');
    expect(() => parseKeyFile('a=b', '/p')).toThrow('/p line 1');
  });

  test('what is written is read again', () => {
    const word = fc.string({ minLength: 1 }).filter((value) => !/[\u0000-\u001f\u007f]/.test(value));
    fc.assert(
      fc.property(word, word, (authname, password) => {
        const file = parseKeyFile(formatAuthConf({ authname, password }, 'h'), 'f');
        expect(accountIn(file, 'f', 'libvirt', 'h')).toEqual({ authname, password });
      }),
    );
    expect(() => formatAuthConf({ authname: 'a\n[x]', password: 'b' }, 'h')).toThrow(/one line/);
    expect(() => formatAuthConf({ authname: 'a', password: 'b' }, 'h]')).toThrow(/brackets/);
  });
});

describe('a session with SASL', () => {
  let dir: string;
  let fake: FakeLibvirtd;
  const accounts = { gantry: 'correct horse' };
  const right = () => ({ authname: 'gantry', password: 'correct horse' });
  const surroundings = { uid: 1000, home: '/nowhere', env: {} };

  const start = async (sasl: FakeSasl): Promise<void> => {
    fake = await startFakeLibvirtd(join(dir, 's'), { connectGetType: () => 'QEMU' }, { sasl });
  };
  const type = async (options: SessionOptions, query = ''): Promise<string> => {
    const uri = `qemu:///system?socket=${fake.socketPath}${query}`;
    const lv = await connect(uri, { surroundings, ...options });
    try {
      return await lv.connectGetType();
    } finally {
      await lv.close();
    }
  };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'auth-'));
  });
  afterEach(async () => {
    await fake.stop();
    await rm(dir, { recursive: true });
  });

  test.each(['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'])('%s', async (mechanism) => {
    await start({ accounts, mechanisms: [mechanism] });
    expect(await type({ credentials: right })).toBe('QEMU');
    const wrong = type({ credentials: () => ({ authname: 'gantry', password: 'x' }) });
    await expect(wrong).rejects.toMatchObject({ code: 'AUTH', message: /refuses gantry/ });
    await expect(type({})).rejects.toMatchObject({ code: 'AUTH', message: /none for it/ });
  });

  test('a callback that fails ends connecting with its error', async () => {
    await start({ accounts });
    const failing = type({
      credentials: () => {
        throw new Error('no vault');
      },
    });
    await expect(failing).rejects.toThrow('no vault');
  });

  test('a callback that never answers is ended by the deadline', async () => {
    await start({ accounts });
    const hanging = type({ credentials: () => new Promise(() => {}), connectTimeoutMs: 50 });
    await expect(hanging).rejects.toMatchObject({ code: 'TIMEOUT' });
  });
});
