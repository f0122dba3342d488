/** The reading half of a stream, as a Web stream that the connection pushes into. */
import {
  type ReadableByteStreamController,
  ReadableStream,
  type ReadableStreamDefaultController,
} from 'node:stream/web';
import { isHole, type StreamChunk } from './stream-chunk.ts';

/** Bytes kept for a slow reader before the server is made to wait. */
const READ_AHEAD_BYTES = 1024 * 1024;
/** What a hole counts in that: it takes next to no memory, but not none. */
const HOLE_BYTES = 64;

/** What a reader's side is told. */
export interface ReadSource {
  /** There is room again. */
  pull(): void;
  cancel(reason: unknown): void;
}

export interface ReadSide {
  readonly stream: ReadableStream<StreamChunk>;
  /** Bytes are valid only during the call. False once the reader has enough for now. */
  push(chunk: StreamChunk): boolean;
  end(): void;
  fail(error: unknown): void;
}

/** Bytes: a byte stream, whose reader may bring buffers of his own. */
export function byteSide(source: ReadSource): ReadSide {
  let controller!: ReadableByteStreamController;
  const stream = new ReadableStream(
    {
      type: 'bytes',
      start: (made: ReadableByteStreamController) => {
        controller = made;
      },
      pull: () => source.pull(),
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: READ_AHEAD_BYTES },
  );
  return {
    stream,
    push(chunk) {
      if (isHole(chunk)) throw new TypeError('a hole among bytes');
      const rest = fill(controller, chunk);
      if (rest.length > 0) controller.enqueue(new Uint8Array(rest));
      return (controller.desiredSize ?? 1) > 0;
    },
    end() {
      controller.close();
      // A reader with a buffer of his own waits for it, even to hear of the end.
      controller.byobRequest?.respond(0);
    },
    fail: (error) => controller.error(error),
  };
}

/** Copies into the buffers that readers wait with; what is left has none. */
function fill(controller: ReadableByteStreamController, bytes: Uint8Array): Uint8Array {
  let rest = bytes;
  for (let wish = controller.byobRequest; wish && rest.length > 0; wish = controller.byobRequest) {
    const { view } = wish;
    if (!view) break;
    const part = rest.subarray(0, view.byteLength);
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(part);
    wish.respond(part.length);
    rest = rest.subarray(part.length);
  }
  return rest;
}

/** Bytes and holes. */
export function chunkSide(source: ReadSource): ReadSide {
  let controller!: ReadableStreamDefaultController<StreamChunk>;
  const stream = new ReadableStream<StreamChunk>(
    {
      start: (made) => {
        controller = made;
      },
      pull: () => source.pull(),
      cancel: (reason) => source.cancel(reason),
    },
    {
      highWaterMark: READ_AHEAD_BYTES,
      size: (chunk) => (isHole(chunk) ? HOLE_BYTES : chunk.byteLength),
    },
  );
  return {
    stream,
    push(chunk) {
      controller.enqueue(isHole(chunk) ? chunk : new Uint8Array(chunk));
      return (controller.desiredSize ?? 1) > 0;
    },
    end: () => controller.close(),
    fail: (error) => controller.error(error),
  };
}
