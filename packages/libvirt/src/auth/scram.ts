/** SCRAM (RFC 5802, RFC 7677), the client's side, without channel binding: libvirt's servers offer none. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { TransportError } from '../errors.ts';
import type { Credentials } from './credentials.ts';
import type { SaslClient } from './sasl-client.ts';

const derive = promisify(pbkdf2);

export type ScramHash = 'sha256' | 'sha1';
const KEY_BYTES: Readonly<Record<ScramHash, number>> = { sha256: 32, sha1: 20 };

/** RFC 7677's least; a server that asks for fewer wants the password cheaply. */
const MIN_ITERATIONS = 4_096;
/** About a second of work; a server that asks for more wants to keep us busy. */
const MAX_ITERATIONS = 2_000_000;
const GS2_HEADER = 'n,,';
const NONCE_BYTES = 24;

/** Begins an exchange. `nonce` is for tests. */
export function scramClient(
  hash: ScramHash,
  { authname, password }: Credentials,
  nonce = randomBytes(NONCE_BYTES).toString('base64'),
): SaslClient {
  const bare = `n=${escapeName(authname)},r=${nonce}`;
  let expected: Buffer | undefined;
  let verified = false;
  return {
    get done() {
      return verified;
    },
    first: () => Buffer.from(GS2_HEADER + bare),
    async step(challenge) {
      const text = Buffer.from(challenge).toString('utf8');
      if (expected === undefined) {
        const proof = await proofFor(hash, password, bare, nonce, text);
        expected = proof.serverSignature;
        return Buffer.from(proof.message);
      }
      verifyServer(text, expected);
      verified = true;
      return undefined;
    },
  };
}

const escapeName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C');

const hmac = (hash: ScramHash, key: Uint8Array, text: string): Buffer =>
  createHmac(hash, key).update(text).digest();

/**
 * The password's bytes are used as they are: Cyrus SASL, which is what libvirt uses, prepares them neither when an account
 * is made nor when it is used.
 */
async function proofFor(
  hash: ScramHash,
  password: string,
  bare: string,
  nonce: string,
  challenge: string,
): Promise<{ message: string; serverSignature: Buffer }> {
  const { r, salt, iterations } = parseChallenge(challenge, nonce);
  const salted = await derive(Buffer.from(password), salt, iterations, KEY_BYTES[hash], hash);
  const clientKey = hmac(hash, salted, 'Client Key');
  const storedKey = createHash(hash).update(clientKey).digest();
  const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${r}`;
  const authMessage = `${bare},${challenge},${withoutProof}`;
  const signature = hmac(hash, storedKey, authMessage);
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
  return {
    message: `${withoutProof},p=${proof.toString('base64')}`,
    serverSignature: hmac(hash, hmac(hash, salted, 'Server Key'), authMessage),
  };
}

const CHALLENGE =
  /^r=(?<r>[\x21-\x2b\x2d-\x7e]+),s=(?<salt>[A-Za-z0-9+/]+={0,2}),i=(?<count>\d{1,10})(?:,.*)?$/;

function parseChallenge(text: string, nonce: string): { r: string; salt: Buffer; iterations: number } {
  const { r = '', salt = '', count = '' } = CHALLENGE.exec(text)?.groups ?? {};
  if (r === '') throw new TransportError('AUTH', 'the server’s SCRAM challenge cannot be read');
  if (!r.startsWith(nonce) || r.length === nonce.length)
    throw new TransportError(
      'AUTH',
      'the server’s SCRAM nonce does not continue ours: somebody replays an old exchange',
    );
  const iterations = Number(count);
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS)
    throw new TransportError(
      'AUTH',
      `the server asks for ${iterations} SCRAM iterations; taken are ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`,
    );
  return { r, salt: Buffer.from(salt, 'base64'), iterations };
}

/** Only a server that knows the account can sign. */
function verifyServer(text: string, expected: Buffer): void {
  const refused = /^e=([^,]*)/.exec(text)?.[1];
  if (refused !== undefined)
    throw new TransportError('AUTH', `the server ended SCRAM with the error ${JSON.stringify(refused)}`);
  const given = Buffer.from(/^v=([A-Za-z0-9+/=]+)/.exec(text)?.[1] ?? '', 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new TransportError(
      'AUTH',
      'the server does not know the account’s password: it is not the server it claims to be',
    );
}
