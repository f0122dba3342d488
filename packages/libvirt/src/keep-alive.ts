import { PACKET_TYPE, type Packet, PROGRAM, STATUS } from './frame.ts';
import { timerMs } from './timers.ts';

/** When to ask whether the server lives. */
export interface KeepAlive {
  /** Silence in ms after which a ping is sent. */
  readonly intervalMs: number;
  /** Pings without any answer after which the server counts as dead. */
  readonly count: number;
}

const PROC_PING = 1;
const PROC_PONG = 2;

/**
 * libvirt's keep-alive program, both ways: answers the server's pings and sends our own after silence.
 * Any packet counts as a sign of life: a server busy with as many calls as it serves at once stops reading,
 * our pings included, but still answers them later and still pings us.
 */
export class KeepAliver {
  readonly #send: (header: Omit<Packet, 'body'>) => void;
  readonly #onDead: (silentMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #heard = true;
  #unanswered = 0;

  constructor(send: (header: Omit<Packet, 'body'>) => void, onDead: (silentMs: number) => void) {
    this.#send = send;
    this.#onDead = onDead;
  }

  start({ intervalMs, count }: KeepAlive): void {
    this.stop();
    this.#timer = setInterval(() => this.#tick(intervalMs, count), timerMs(intervalMs));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Something arrived. */
  heard(): void {
    this.#heard = true;
  }

  /** Takes in a keep-alive packet; false when it is none that exists. */
  receive(packet: Packet): boolean {
    if (packet.type !== PACKET_TYPE.message) return false;
    if (packet.procedure === PROC_PING) this.#message(PROC_PONG);
    return packet.procedure === PROC_PING || packet.procedure === PROC_PONG;
  }

  #tick(intervalMs: number, count: number): void {
    this.#unanswered = this.#heard ? 0 : this.#unanswered;
    this.#heard = false;
    if (this.#unanswered >= count) this.#onDead(intervalMs * (count + 1));
    else {
      this.#unanswered += 1;
      this.#message(PROC_PING);
    }
  }

  #message(procedure: number): void {
    this.#send({
      program: PROGRAM.keepAlive,
      procedure,
      type: PACKET_TYPE.message,
      serial: 0,
      status: STATUS.ok,
    });
  }
}
