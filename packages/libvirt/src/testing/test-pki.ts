/** Certificates for tests: an authority and what it signs, made on the spot. RSA, as GnuTLS in libvirt wants it. */
import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import * as der from './der.ts';

/** PEM texts. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority {
  /** The authority's own certificate, PEM. */
  readonly ca: string;
  /** A certificate for a server or client, with these DNS names or addresses. */
  issue(name: string, alternatives?: readonly string[]): Issued;
}

const DAY_MS = 86_400_000;
const SHA256_RSA = der.sequence(der.oid('1.2.840.113549.1.1.11'), der.nothing());
const nameOf = (commonName: string): Buffer =>
  der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8(commonName))));

const extension = (id: string, value: Uint8Array): Buffer =>
  der.sequence(der.oid(id), der.boolean(true), der.octets(value));
const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALT_NAME = '2.5.29.17';

const authorityExtensions = [
  extension(BASIC_CONSTRAINTS, der.sequence(der.boolean(true))),
  // keyCertSign
  extension(KEY_USAGE, der.bits(Buffer.from([0x04]), 2)),
];

/** Usage for TLS at both ends. */
const endExtensions = (alternatives: readonly string[]): Buffer[] => [
  extension(BASIC_CONSTRAINTS, der.sequence()),
  // digitalSignature, keyEncipherment
  extension(KEY_USAGE, der.bits(Buffer.from([0xa0]), 5)),
  extension(EXTENDED_KEY_USAGE, der.sequence(der.oid('1.3.6.1.5.5.7.3.1'), der.oid('1.3.6.1.5.5.7.3.2'))),
  ...(alternatives.length === 0
    ? []
    : [extension(SUBJECT_ALT_NAME, der.sequence(...alternatives.map(alternative)))]),
];

/** A DNS name, or an IPv4 address. */
const alternative = (name: string): Buffer =>
  isIP(name) === 4
    ? der.implicit(7, Buffer.from(name.split('.').map(Number)))
    : der.implicit(2, Buffer.from(name));

interface Request {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function sign({ issuer, subject, publicKey, extensions }: Request, by: KeyObject): string {
  const now = Date.now();
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    SHA256_RSA,
    nameOf(issuer),
    der.sequence(der.time(new Date(now - DAY_MS)), der.time(new Date(now + 30 * DAY_MS))),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der.explicit(3, der.sequence(...extensions)),
  );
  const signature = createSign('sha256').update(body).sign(by);
  const whole = der.sequence(body, SHA256_RSA, der.bits(signature)).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${whole.replaceAll(/(.{64})/g, '$1\n').trim()}\n-----END CERTIFICATE-----\n`;
}

const newKey = () => generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Makes an authority; its certificates are good for 30 days. */
export function createAuthority(name: string): TestAuthority {
  const own = newKey();
  const { publicKey } = own;
  const ca = sign(
    { issuer: name, subject: name, publicKey, extensions: authorityExtensions },
    own.privateKey,
  );
  return {
    ca,
    issue(subject, alternatives = []) {
      const pair = newKey();
      const request = {
        issuer: name,
        subject,
        publicKey: pair.publicKey,
        extensions: endExtensions(alternatives),
      };
      const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      return { cert: sign(request, own.privateKey), key };
    },
  };
}
