/** What a backup says of itself: `manifest.json` in its archive. */
import { readFileSync, statSync } from 'node:fs';
import { count, err, isGantryError, type Static, strict, Timestamp, Type, validate } from '@gantry/model';

export const FORMAT = 'gantry-backup 1';
export const MANIFEST = 'manifest.json';

/** Of a few files, so that a larger one is not read at all. */
const LIMIT_BYTES = 2 ** 20;

export const Manifest = strict({
  format: Type.Literal(FORMAT),
  version: Type.String({ minLength: 1, maxLength: 64 }),
  at: Timestamp,
  cluster: strict({
    id: Type.String({ format: 'uuid' }),
    name: Type.String({ minLength: 1, maxLength: 255 }),
  }),
  instances: count('how many the store knew'),
  files: Type.Record(Type.String(), Type.String({ pattern: '^[0-9a-f]{64}$' }), {
    description: 'path in the archive -> SHA-256',
  }),
});
export type Manifest = Static<typeof Manifest>;

/**
 * @param file the archive, for messages
 * @throws GantryError `bad_backup`
 */
export function readManifest(path: string, file: string): Manifest {
  const { size } = statSync(path);
  if (size > LIMIT_BYTES) throw err('bad_backup', { file, why: 'its manifest is too large' });
  try {
    return validate(Manifest, JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (!isGantryError(error) && !(error instanceof SyntaxError)) throw error;
    throw err('bad_backup', { file, why: `its manifest is none: ${error.message}` }, error);
  }
}
