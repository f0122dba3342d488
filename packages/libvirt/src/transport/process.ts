import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { TransportError } from '../errors.ts';

/** Of a program's complaints, as much as an error message bears. */
const STDERR_BYTES = 2_000;
/** What a program has said before its end is here by then, unless a process that it left behind can still speak. */
const LAST_WORDS_MS = 500;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts a program whose standard input and output lead to a libvirt server. */
export async function openProcess(argv: readonly string[], signal?: AbortSignal): Promise<Duplex> {
  const [command = '', ...args] = argv;
  const child: Child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(
        new TransportError('CONNECT', `${command} cannot be started: ${error.message}`, { cause: error }),
      ),
    );
  });
  const duplex = new ProcessDuplex(child, command);
  if (signal?.aborted) duplex.destroy();
  return duplex;
}

/** A running program as one byte stream. Its end is reported with what it said on standard error. */
class ProcessDuplex extends Duplex {
  readonly #child: Child;
  #stderr = '';

  constructor(child: Child, command: string) {
    super({ allowHalfOpen: false });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_BYTES);
    });
    // EPIPE when it has gone; its end tells more.
    child.stdin.on('error', () => {});
    child.once('close', (code, signal) => this.#ended(command, code, signal));
    child.once('exit', (code, signal) => {
      // ssh's ControlPersist keeps standard error open, and `close` waits for it.
      const soon = () => setTimeout(() => this.#ended(command, code, signal), LAST_WORDS_MS).unref();
      if (child.stdout.closed) soon();
      else child.stdout.once('close', soon);
    });
  }

  #ended(command: string, code: number | null, signal: string | null): void {
    if (this.destroyed) return;
    const said = this.#stderr.trim();
    const how = signal === null ? `exit status ${code}` : `signal ${signal}`;
    if (code === 0 && said === '') this.push(null);
    else this.destroy(new Error(`${command} ended with ${how}${said === '' ? '' : `: ${said}`}`));
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
    this.#child.kill('SIGTERM');
    done(error);
  }
}
