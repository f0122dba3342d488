/** The node's end of a command by hand: one line says what, output goes back in lines, and a file's bytes follow the line. */
import type { Duplex } from 'node:stream';
import { COMMAND_LINE_LIMIT, err, type GuestCommand, matches, NodeCommand, toProblem } from '@gantry/model';
import { execute } from './execute.ts';
import type { Say } from './say.ts';
import { takeFile } from './take-file.ts';

/** Runs a command inside a guest. @throws GantryError */
export type ExecInside = (command: GuestCommand, say: Say, signal: AbortSignal) => Promise<void>;

export async function serveCommand(
  bytes: Duplex,
  execInside: ExecInside,
  signal: AbortSignal,
): Promise<void> {
  const say = speaker(bytes, signal);
  const input = new Input(bytes);
  try {
    const command: unknown = JSON.parse(await input.line());
    if (!matches(NodeCommand, command)) throw err('agent_outdated', { fields: 'this command' });
    if (command.do === 'exec') await execute(command, say, signal);
    else if (command.do === 'guest-exec') await execInside(command, say, signal);
    else await say({ written: await takeFile(command, input.rest(), signal) });
  } catch (error) {
    signal.throwIfAborted();
    await say({ problem: toProblem(error) });
  }
  await new Promise<void>((resolve) => bytes.end(resolve));
}

function speaker(bytes: Duplex, signal: AbortSignal): Say {
  return async (line) => {
    signal.throwIfAborted();
    if (bytes.write(`${JSON.stringify(line)}\n`)) return;
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        bytes.off('drain', end).off('close', end);
        signal.removeEventListener('abort', end);
        if (signal.aborted) reject(signal.reason as Error);
        else resolve();
      };
      bytes.once('drain', end).once('close', end);
      signal.addEventListener('abort', end, { once: true });
    });
  };
}

/** A line, then bytes. Not by iterating over the stream itself: that would destroy it, and the answer goes through it. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #left: Buffer = Buffer.alloc(0);

  constructor(bytes: Duplex) {
    this.#chunks = bytes.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#left.indexOf(10);
      if (end >= 0) {
        const line = this.#left.subarray(0, end).toString('utf8');
        this.#left = this.#left.subarray(end + 1);
        return line;
      }
      if (this.#left.length > COMMAND_LINE_LIMIT) throw new Error('the command is too long');
      const { done, value } = await this.#chunks.next();
      if (done) throw new Error('the command ended before its line did');
      this.#left = Buffer.concat([this.#left, value]);
    }
  }

  async *rest(): AsyncGenerator<Buffer> {
    if (this.#left.length > 0) yield this.#left;
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done) return;
      yield value;
    }
  }
}
