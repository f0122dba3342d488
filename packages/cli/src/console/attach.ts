/** A terminal joined to a stream of bytes, with a key to leave it. The terminal is put back whatever happens. */
import type { ByteStream } from '@gantry/client';
import { type Io, printable, type Source } from '../io.ts';

/** Ctrl-] as in telnet and virsh. */
export const DETACH = 0x1d;

export type Ending = 'detached' | 'input ended' | 'closed';
export interface Ended {
  how: Ending;
  /** What the other end said when it closed. */
  reason: string;
}

/** A pipe has no key to leave by: after its end, what the guest still writes in this time is shown. */
const AFTER_INPUT_MS = 1000;

/** Joins both until the key is pressed, the input ends or the other end closes. */
export async function attach(io: Io, stream: ByteStream, afterInputMs = AFTER_INPUT_MS): Promise<Ended> {
  const { bytes, closed } = stream;
  const raw = rawMode(io.stdin);
  bytes.pipe(io.stdout, { end: false });
  try {
    const ended = await Promise.race([
      typed(io.stdin, bytes, afterInputMs),
      closed.then((reason): Ended => ({ how: 'closed', reason: printable(reason) })),
    ]);
    return ended;
  } finally {
    raw.restore();
    bytes.unpipe(io.stdout);
    bytes.destroy();
    io.stdin.pause();
  }
}

function typed(stdin: Source, bytes: ByteStream['bytes'], afterInputMs: number): Promise<Ended> {
  return new Promise((resolve) => {
    const onData = (chunk: Uint8Array) => {
      const at = stdin.isTTY ? chunk.indexOf(DETACH) : -1;
      const sent = at < 0 ? chunk : chunk.subarray(0, at);
      // A guest that does not read stops the keyboard, not the memory of this process.
      if (sent.length > 0 && !bytes.write(sent)) {
        stdin.pause();
        bytes.once('drain', () => stdin.resume());
      }
      if (at >= 0) end('detached');
    };
    const end = (how: Ending) => {
      stdin.off('data', onData);
      resolve({ how, reason: '' });
    };
    stdin.on('data', onData);
    stdin.once('end', () => setTimeout(end, afterInputMs, 'input ended'));
    bytes.once('close', () => stdin.off('data', onData));
  });
}

/** Signals that end a process: the terminal is put back first, then they do what they do. */
const deadly = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGINT'] as const;

function rawMode(stdin: Source): { restore(): void } {
  if (!stdin.isTTY || !stdin.setRawMode) return { restore: () => undefined };
  const back = () => stdin.setRawMode?.(false);
  const die = (signal: NodeJS.Signals) => {
    back();
    process.kill(process.pid, signal);
  };
  for (const signal of deadly) process.once(signal, die);
  process.once('exit', back);
  stdin.setRawMode(true);
  return {
    restore() {
      back();
      process.off('exit', back);
      for (const signal of deadly) process.off(signal, die);
    },
  };
}
