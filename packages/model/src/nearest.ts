/** The known word closest to a mistyped one. */

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The nearest of the known words, if it is near enough to be a typing mistake. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const d = distance(word, candidate);
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}

/** How many are told. */
const MOST = 5;

/** Names that may have been meant: those that go on where the word ends, else the nearest. For a hint, never to choose one. */
export function similar(word: string, names: readonly string[]): string[] {
  if (word === '') return [];
  const longer = names.filter((name) => name.startsWith(word) && name !== word).slice(0, MOST);
  const near = longer.length > 0 ? undefined : nearest(word, names);
  return near === undefined || near === word ? longer : [near];
}
