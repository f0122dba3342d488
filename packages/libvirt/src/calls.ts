import { decodeReply } from './call-codec.ts';
import { type Outcome, TransportError, type TransportErrorCode } from './errors.ts';
import type { Packet } from './frame.ts';
import type { Target } from './procedures/table.ts';
import { timerMs } from './timers.ts';

/** How long a call may take, and what may end it sooner. */
export interface CallOptions {
  /** Ends the wait; the server is not told (libvirt has no cancel) and may still finish the call. */
  readonly signal?: AbortSignal | undefined;
  /** Longest wait in ms; the connection's default when left out, for ever when 0. */
  readonly timeoutMs?: number | undefined;
}

interface Pending {
  readonly target: Target;
  /** undefined once the caller has gone: the late answer is then recognised and dropped. */
  settle: Settle | undefined;
}

interface Settle {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  release(): void;
}

const NOTHING = (): void => {};

/** Which answer belongs to which call. Serials are never reused while a call, even an abandoned one, is open. */
export class PendingCalls {
  readonly #open = new Map<number, Pending>();
  readonly #max: number;
  #serial = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /** What is being waited for; callers that have given up do not count. */
  names(): string[] {
    const waitedFor = [...this.#open.values()].filter(({ settle }) => settle !== undefined);
    return waitedFor.map(({ target }) => target.name);
  }

  /** A serial no open call has; 0 belongs to messages. */
  nextSerial(isTaken: (serial: number) => boolean): number {
    do {
      this.#serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1;
    } while (this.#open.has(this.#serial) || isTaken(this.#serial));
    return this.#serial;
  }

  /**
   * Waits for the answer to `serial` and gives what it says. `send` puts the call on the wire; what it throws rejects
   * the call.
   */
  wait(serial: number, target: Target, options: CallOptions, send: () => void): Promise<unknown> {
    const refusal = this.#refusal(target.name, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const release = this.#watch(serial, target.name, options);
      this.#open.set(serial, { target, settle: { resolve, reject, release } });
      try {
        send();
      } catch (error) {
        this.#open.delete(serial);
        release();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #refusal(name: string, { signal }: CallOptions): TransportError | undefined {
    if (signal?.aborted)
      return new TransportError('ABORTED', 'aborted before it was sent', {
        call: name,
        cause: signal.reason,
      });
    if (this.#open.size >= this.#max)
      return new TransportError('OVERLOAD', `${this.#max} calls are waiting for the server`, { call: name });
    return undefined;
  }

  #watch(serial: number, name: string, { signal, timeoutMs = 0 }: CallOptions): () => void {
    if (signal === undefined && timeoutMs === 0) return NOTHING;
    const abandon = (code: TransportErrorCode, message: string, cause?: unknown): void =>
      this.#abandon(serial, new TransportError(code, message, { call: name, outcome: 'unknown', cause }));
    const onAbort = (): void => abandon('ABORTED', 'aborted; the server may still do it', signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      timeoutMs === 0
        ? undefined
        : setTimeout(() => abandon('TIMEOUT', `no answer within ${timeoutMs} ms`), timerMs(timeoutMs));
    return () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  }

  #abandon(serial: number, error: TransportError): void {
    const pending = this.#open.get(serial);
    const settle = pending?.settle;
    if (pending === undefined || settle === undefined) return;
    pending.settle = undefined;
    settle.release();
    settle.reject(error);
  }

  /** Hands an answer to its call. False when there is no such call: the peer is out of step. */
  answer(packet: Packet): boolean {
    const pending = this.#open.get(packet.serial);
    if (pending === undefined) return false;
    const { target, settle } = pending;
    if (target.program !== packet.program || target.procedure.number !== packet.procedure) return false;
    this.#open.delete(packet.serial);
    // The Map's outgrown tables keep their entries until a full collection; the answers shall not wait for it.
    pending.settle = undefined;
    settle?.release();
    try {
      settle?.resolve(decodeReply(target, packet));
    } catch (error) {
      settle?.reject(error);
    }
    return true;
  }

  /** Ends every open call; each gets an error of its own that names it. */
  failAll(code: TransportErrorCode, message: string, outcome: Outcome, cause?: unknown): void {
    for (const [serial, { target, settle }] of [...this.#open]) {
      this.#open.delete(serial);
      settle?.release();
      settle?.reject(new TransportError(code, message, { call: target.name, outcome, cause }));
    }
  }
}
