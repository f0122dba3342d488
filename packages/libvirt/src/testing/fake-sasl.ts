/** The server's side of SASL for the fake: SCRAM (RFC 5802) and PLAIN, with as much care as a test needs. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { virErrorDomain, virErrorNumber } from '../enums/error.ts';
import { LibvirtError } from '../errors.ts';

/** Accounts of a fake server: password by name. */
export interface FakeSasl {
  readonly accounts: Readonly<Record<string, string>>;
  /** What is offered; SCRAM-SHA-256 unless told. */
  readonly mechanisms?: readonly string[];
  /** SCRAM's iterations, 4,096 unless told. */
  readonly iterations?: number;
}

interface Turn {
  readonly complete: boolean;
  readonly data: Uint8Array;
}

/** One exchange: takes what the client says and gives the answer. @throws LibvirtError when the account is wrong */
export type FakeExchange = (data: Uint8Array) => Turn;

const refused = (): LibvirtError =>
  new LibvirtError({
    code: virErrorNumber.VIR_ERR_AUTH_FAILED,
    domain: virErrorDomain.VIR_FROM_RPC,
    level: 2,
    message: 'authentication failed: authentication failed',
    call: '',
  });

export function fakeExchange(mechanism: string, sasl: FakeSasl): FakeExchange {
  if (mechanism === 'PLAIN') return plain(sasl);
  if (mechanism === 'SCRAM-SHA-256') return scram('sha256', 32, sasl);
  if (mechanism === 'SCRAM-SHA-1') return scram('sha1', 20, sasl);
  throw refused();
}

const plain =
  ({ accounts }: FakeSasl): FakeExchange =>
  (data) => {
    const [, name = '', password = ''] = Buffer.from(data).toString().split('\0');
    if (accounts[name] !== password) throw refused();
    return { complete: true, data: new Uint8Array(0) };
  };

function scram(hash: string, keyBytes: number, { accounts, iterations = 4_096 }: FakeSasl): FakeExchange {
  const salt = randomBytes(16);
  const hmac = (key: Uint8Array, text: string): Buffer => createHmac(hash, key).update(text).digest();
  let first: { bare: string; challenge: string; password: string } | undefined;
  return (data) => {
    const text = Buffer.from(data).toString();
    if (first === undefined) {
      const [, bare = '', name = '', nonce = ''] = /^n,,(n=([^,]*),r=([^,]*))$/.exec(text) ?? [];
      const password = accounts[name.replaceAll('=2C', ',').replaceAll('=3D', '=')];
      if (password === undefined) throw refused();
      const r = nonce + randomBytes(12).toString('base64');
      first = { bare, password, challenge: `r=${r},s=${salt.toString('base64')},i=${iterations}` };
      return { complete: false, data: Buffer.from(first.challenge) };
    }
    const [, withoutProof = '', proof = ''] = /^(.*),p=([^,]*)$/.exec(text) ?? [];
    const salted = pbkdf2Sync(first.password, salt, iterations, keyBytes, hash);
    const clientKey = hmac(salted, 'Client Key');
    const message = `${first.bare},${first.challenge},${withoutProof}`;
    const signature = hmac(createHash(hash).update(clientKey).digest(), message);
    const given = Buffer.from(proof, 'base64').map((byte, at) => byte ^ (signature[at] ?? 0));
    if (given.length !== clientKey.length || !timingSafeEqual(given, clientKey)) throw refused();
    const v = hmac(hmac(salted, 'Server Key'), message).toString('base64');
    return { complete: true, data: Buffer.from(`v=${v}`) };
  };
}
