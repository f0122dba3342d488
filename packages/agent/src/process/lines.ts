/** Longest line handed on: what is longer is cut into pieces of this many characters. */
const MAX_LINE = 4096;

/** Splits a byte stream into lines; `\r` (progress bars) ends a line too. Call `end` for the last, unfinished one. */
export function lineSplitter(onLine: (line: string) => void): { push(chunk: Buffer): void; end(): void } {
  const decoder = new TextDecoder();
  let rest = '';
  const emit = (line: string) => {
    if (line !== '') onLine(line);
  };
  const drain = () => {
    const lines = rest.split(/[\r\n]+/);
    rest = lines.pop() ?? '';
    lines.forEach(emit);
    while (rest.length > MAX_LINE) {
      emit(rest.slice(0, MAX_LINE));
      rest = rest.slice(MAX_LINE);
    }
  };
  return {
    push(chunk) {
      rest += decoder.decode(chunk, { stream: true });
      drain();
    },
    end() {
      rest += decoder.decode();
      drain();
      emit(rest);
      rest = '';
    },
  };
}

/** Keeps the last `limit` bytes of a stream. */
export function tailBuffer(limit: number): {
  push(chunk: Buffer): void;
  text(): string;
  truncated(): boolean;
} {
  let chunks: Buffer[] = [];
  let size = 0;
  let cut = false;
  const compact = () => {
    const all = Buffer.concat(chunks);
    chunks = [all.subarray(Math.max(0, all.length - limit))];
    cut ||= all.length > limit;
    size = chunks[0]?.length ?? 0;
  };
  return {
    push(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > 2 * limit) compact();
    },
    text() {
      compact();
      return chunks[0]?.toString('utf8') ?? '';
    },
    truncated: () => cut || size > limit,
  };
}
