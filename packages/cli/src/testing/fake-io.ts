/** Standard streams of a command that runs inside a test. */
import { PassThrough, Writable } from 'node:stream';
import type { Io, Sink } from '../io.ts';

export interface FakeIo extends Io {
  stdin: PassThrough & { isTTY?: boolean };
  out(): string;
  err(): string;
  /** Presses Ctrl-C. */
  interrupt(): void;
}

class Collector extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export function fakeIo(
  env: Record<string, string> = {},
  tty: { columns?: number } | undefined = undefined,
): FakeIo {
  const [stdout, stderr] = [new Collector(), new Collector()];
  if (tty)
    for (const sink of [stdout, stderr]) Object.assign(sink, { isTTY: true, columns: tty.columns ?? 80 });
  const handlers = new Set<() => void>();
  return {
    stdin: new PassThrough(),
    stdout: stdout as Sink,
    stderr: stderr as Sink,
    env,
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    out: () => stdout.text,
    err: () => stderr.text,
    interrupt() {
      for (const handler of handlers) handler();
    },
  };
}
