/** An SSH host key, made on the node: instant, and no guest shares one with another. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

export interface HostKey {
  /** `openssh-key-v1`, unencrypted, PEM-like. */
  privateKey: string;
  /** One line: `ssh-ed25519 AAAA... COMMENT` */
  publicKey: string;
}

const TYPE = 'ssh-ed25519';

/** Format: OpenSSH, PROTOCOL.key. */
export function makeHostKey(
  comment: string,
  keyPair: KeyObject = generateKeyPairSync('ed25519').privateKey,
): HostKey {
  const seed = base64url(keyPair.export({ format: 'jwk' }).d);
  const point = base64url(createPublicKey(keyPair).export({ format: 'jwk' }).x);
  const publicBlob = Buffer.concat([ssh(TYPE), ssh(point)]);
  const check = randomBytes(4);
  const secret = [check, check, ssh(TYPE), ssh(point), ssh(Buffer.concat([seed, point])), ssh(comment)];
  const padded = pad(Buffer.concat(secret), 8);
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ssh('none'), // cipher
    ssh('none'), // key derivation
    ssh(''), // its options
    Buffer.from([0, 0, 0, 1]), // keys
    ssh(publicBlob),
    ssh(padded),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: [
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      ...lines,
      '-----END OPENSSH PRIVATE KEY-----',
      '',
    ].join('\n'),
    publicKey: `${TYPE} ${publicBlob.toString('base64')} ${comment}`,
  };
}

const base64url = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');

/** RFC 4251 `string`: length, bytes. */
function ssh(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** To whole blocks, with bytes 1, 2, 3... */
const pad = (bytes: Buffer, block: number): Buffer =>
  Buffer.concat([
    bytes,
    Buffer.from(Array.from({ length: (block - (bytes.length % block)) % block }, (_, i) => i + 1)),
  ]);
