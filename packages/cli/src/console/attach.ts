/** A terminal joined to a stream of bytes, with a key to leave it. The terminal is put back whatever happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ByteStream } from '@gantry/client';
import type { Io, Source } from '../io.ts';
import { printable } from '../output/printable.ts';

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

/** What is under way when one side closes is waited for so long. */
const CLOSE_MS = 1000;

/** Joins both until the key is pressed, the input ends or the other end closes. */
export async function attach(io: Io, stream: ByteStream, afterInputMs = AFTER_INPUT_MS): Promise<Ended> {
  const { bytes, closed } = stream;
  const raw = rawMode(io.stdin);
  const shown = new Promise((resolve) => bytes.once('end', resolve).once('close', resolve));
  bytes.on('error', () => undefined);
  bytes.pipe(io.stdout, { end: false });
  try {
    return await Promise.race([
      typed(io.stdin, bytes, afterInputMs),
      closed.then(async (reason): Promise<Ended> => {
        await Promise.race([shown, sleep(CLOSE_MS, undefined, { ref: false })]);
        return { how: 'closed', reason: printable(reason) };
      }),
    ]);
  } finally {
    raw.restore();
    io.stdin.pause();
    // Ended, not torn down: what was typed last is still on its way.
    bytes.end();
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    bytes.unpipe(io.stdout);
    bytes.destroy();
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
