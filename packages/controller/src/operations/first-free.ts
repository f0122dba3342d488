/** The first of many things that nobody has claimed, without reading who has which. */
import type { Store } from '../store/store.ts';

/** Pieces grow: most pools are nearly empty, and of a full one no thousand questions shall be asked. */
const [FIRST_PIECE, LAST_PIECE, GROWTH] = [64, 4096, 4];

/** @param mine those that the batch in hand takes already */
export async function firstFree(
  store: Pick<Store, 'firstUnclaimed'>,
  space: string,
  mine: ReadonlySet<string>,
  candidates: Iterable<string>,
): Promise<string | undefined> {
  let piece: string[] = [];
  let size = FIRST_PIECE;
  for (const candidate of candidates) {
    if (!mine.has(candidate)) piece.push(candidate);
    if (piece.length < size) continue;
    const free = await store.firstUnclaimed(space, piece);
    if (free !== undefined) return free;
    piece = [];
    size = Math.min(size * GROWTH, LAST_PIECE);
  }
  return store.firstUnclaimed(space, piece);
}
