/** Where a sparse file has data: holes are not read, and not sent. */
import { stat } from 'node:fs/promises';
import { type Run, run as runProgram } from '../process/run.ts';

export interface Extent {
  start: number;
  length: number;
}

/** What qemu-img may print of a badly scattered file; of one that needs more everything is read. */
const MOST_BYTES = 64 * 2 ** 20;

/** The file's own bytes, whatever is in them: nothing is probed (`-f raw`). In order, not overlapping. */
export async function dataExtents(
  path: string,
  signal: AbortSignal,
  run: Run = runProgram,
): Promise<Extent[]> {
  const { size } = await stat(path);
  if (size === 0) return [];
  const map = ['qemu-img', 'map', '--output=json', '-f', 'raw', path] as const;
  const { stdout, truncated } = await run(map, { signal, keepBytes: MOST_BYTES });
  if (truncated) return [{ start: 0, length: size }];
  const extents = JSON.parse(stdout) as (Extent & { data: boolean })[];
  return extents
    .filter(({ data }) => data)
    .map(({ start, length }) => ({ start, length: Math.min(length, size - start) }))
    .filter(({ length }) => length > 0);
}
