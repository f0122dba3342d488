/** SHA-256 of certificates and files. */
import { createReadStream } from 'node:fs';

/** Not by `import`: that reads every export of node:crypto, and the one named webcrypto takes 7 ms of every command. */
const hash = () => process.getBuiltinModule('node:crypto').createHash('sha256');

export const sha256 = (data: string | Uint8Array): Buffer => hash().update(data).digest();

/** Read piece by piece: a file may be larger than memory. */
export async function fileSha256(path: string): Promise<Buffer> {
  const sum = hash();
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) sum.update(piece as Buffer);
  return sum.digest();
}
