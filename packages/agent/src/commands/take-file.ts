/** A file from an administrator: whole, under its name, or not there at all. */
import { createHash, randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { err, type FileQuery, type FileWritten } from '@gantry/model';
import { syncPath } from '../storage/durable.ts';

/** @throws GantryError `invalid_argument`, `no_space` */
export async function takeFile(
  { path, mode, sizeBytes }: FileQuery,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<FileWritten> {
  await requirePlace(path);
  const draft = join(
    dirname(path),
    `.${basename(path).slice(0, 200)}.gantry-${randomBytes(6).toString('hex')}`,
  );
  try {
    const sha256 = await write(draft, bytes, { mode, sizeBytes }, signal);
    await rename(draft, path);
    await syncPath(dirname(path));
    return { path, sha256 };
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw asRefused(path, error);
  }
}

/** Of a file system that takes no such file: one that is read-only, `/proc`. */
const refusing = ['ENOENT', 'ENOTDIR', 'EROFS', 'EACCES', 'EPERM', 'EOPNOTSUPP', 'EINVAL', 'ENAMETOOLONG'];

function asRefused(path: string, error: unknown): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return err('no_space', { where: dirname(path) }, error);
  if (!refusing.includes(code)) return error;
  return err(
    'invalid_argument',
    { what: `the path ${path}`, wanted: `one where the node can write: ${message}` },
    error,
  );
}

async function requirePlace(path: string): Promise<void> {
  const refused = (wanted: string) => err('invalid_argument', { what: `the path ${path}`, wanted });
  if (normalize(path) !== path) throw refused('written without . and ..');
  const kind = await stat(dirname(path)).catch(() => undefined);
  if (!kind?.isDirectory()) throw refused('in a folder that exists on the node');
  const present = await stat(path).catch(() => undefined);
  if (present && !present.isFile()) throw refused('a plain file: something else has this name on the node');
}

async function write(
  draft: string,
  bytes: AsyncIterable<Uint8Array>,
  { mode, sizeBytes }: Pick<FileQuery, 'mode' | 'sizeBytes'>,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(draft, 'wx', 0o600);
  try {
    let left = sizeBytes;
    if (left > 0)
      for await (const chunk of bytes) {
        signal.throwIfAborted();
        if (chunk.length > left)
          throw err('invalid_argument', { what: 'the file', wanted: `${sizeBytes} bytes long` });
        await file.writeFile(chunk);
        hash.update(chunk);
        left -= chunk.length;
        if (left === 0) break;
      }
    if (left > 0) throw err('download_failed', { what: 'the file', why: `${left} bytes of it are missing` });
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
