/** An authority whose certificates are texts: for tests and the simulator, which need no real keys. */
import { createHash } from 'node:crypto';
import { err } from '@gantry/model';
import type { CertificateAuthority } from '../pki/certificate-authority.ts';

const wrap = (what: string, text: string): string =>
  `-----BEGIN ${what}-----\n${Buffer.from(text).toString('base64')}\n-----END ${what}-----\n`;

/** What stands for a request that was signed with a key. */
export const signingRequest = (key: string): string => wrap('CERTIFICATE REQUEST', `key ${key}`);

export const fingerprintOf = (certificate: string): Uint8Array =>
  createHash('sha256').update(certificate).digest();

export function fakeAuthority(): CertificateAuthority {
  let serial = 0;
  const issued: { serial: number; node: string }[] = [];
  return {
    certificate: wrap('CERTIFICATE', 'test CA'),
    async publicKey(request) {
      const text = Buffer.from(request.split('\n')[1] ?? '', 'base64').toString();
      if (!text.startsWith('key '))
        throw err('invalid_argument', { what: 'the signing request', wanted: 'signed' });
      return text.slice(4);
    },
    async issue(publicKey, profile) {
      const certificate = wrap('CERTIFICATE', JSON.stringify({ serial: ++serial, publicKey, ...profile }));
      if (profile.node !== undefined) issued.push({ serial, node: profile.node });
      return { certificate, fingerprint: fingerprintOf(certificate) };
    },
    async revocations(nodes) {
      const revoked = issued.filter(({ node }) => !nodes.has(node));
      return wrap('X509 CRL', JSON.stringify(revoked.map((each) => each.serial)));
    },
  };
}
