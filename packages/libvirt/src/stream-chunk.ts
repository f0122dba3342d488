/** A run of zeros of which only the length travels. */
export interface Hole {
  /** Bytes. */
  readonly hole: number;
}

/** What a sparse stream carries. */
export type StreamChunk = Uint8Array | Hole;

const ZEROS = new Uint8Array(64 * 1024);
/** The least run of zeros worth a hole, and where it begins: a file system's block. */
const BLOCK_BYTES = 4_096;

export const isHole = (chunk: StreamChunk): chunk is Hole => !(chunk instanceof Uint8Array);

/** For `pipeThrough`: blocks of zeros (4 KiB, counted from the first byte) become holes. */
export function zerosToHoles(): TransformStream<Uint8Array, StreamChunk> {
  let offset = 0;
  let hole = 0;
  const flush = (to: TransformStreamDefaultController<StreamChunk>): void => {
    if (hole > 0) to.enqueue({ hole });
    hole = 0;
  };
  return new TransformStream<Uint8Array, StreamChunk>({
    transform(chunk, to) {
      for (const run of runsOf(chunk, offset)) {
        if (run.zero) hole += run.bytes.length;
        else {
          flush(to);
          to.enqueue(run.bytes);
        }
      }
      offset += chunk.length;
    },
    flush,
  });
}

/** For `pipeThrough`: holes become zeros. */
export function holesToZeros(): TransformStream<StreamChunk, Uint8Array> {
  return new TransformStream<StreamChunk, Uint8Array>({
    transform(chunk, to) {
      if (!isHole(chunk)) to.enqueue(chunk);
      else
        for (let left = chunk.hole; left > 0; left -= ZEROS.length)
          to.enqueue(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
    },
  });
}

/** A chunk as the longest runs of whole zero blocks and of everything else. */
function* runsOf(chunk: Uint8Array, offset: number): Generator<{ zero: boolean; bytes: Uint8Array }> {
  let start = 0;
  let zero = false;
  let next = 0;
  for (let at = 0; at < chunk.length; at = next) {
    next = Math.min(chunk.length, at + BLOCK_BYTES - ((offset + at) % BLOCK_BYTES));
    const whole = next - at === BLOCK_BYTES && isZero(chunk.subarray(at, next));
    if (whole !== zero && at > start) yield { zero, bytes: chunk.subarray(start, at) };
    if (whole !== zero) [start, zero] = [at, whole];
  }
  if (start < chunk.length) yield { zero, bytes: chunk.subarray(start) };
}

const isZero = (block: Uint8Array): boolean => Buffer.compare(block, ZEROS.subarray(0, block.length)) === 0;
