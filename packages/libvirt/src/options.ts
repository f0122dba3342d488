import type { CredentialSource } from './auth/credentials.ts';
import type { Limits } from './connection.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { TlsMaterial } from './transport/pki.ts';
import type { Surroundings } from './uri/surroundings.ts';

/** How to connect, besides the URI. */
export interface SessionOptions {
  /** Path of the daemon's unix socket, as `?socket=` in the URI. */
  readonly socket?: string;
  /** Asks for a session that may change nothing. */
  readonly readOnly?: boolean;
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
  /** Deadline of connecting, authenticating and opening together, in ms; 30,000 unless told, 0 for none. */
  readonly connectTimeoutMs?: number;
  /** The account for SASL where auth.conf has none. */
  readonly credentials?: CredentialSource;
  /** PEM texts for TLS in place of the files in libvirt's PKI paths. */
  readonly tls?: TlsMaterial;
  /** Pings after silence, every 5 s and dead after 5 unless told; false for none. */
  readonly keepAlive?: KeepAlive | false;
  /** Default deadline of calls in ms; without it calls wait as long as the server lives. */
  readonly callTimeoutMs?: number;
  readonly limits?: Partial<Limits>;
  /**
   * How long the event loop stays awake for the answer to a call that waits alone, in µs: 200 unless told, 0 to sleep
   * always. It gives one call after the other half as much speed again and learns to sleep for slow answers.
   */
  readonly busyPollMicros?: number;
  /** Whose sockets, certificates and auth.conf the URI means; this process's own unless told. */
  readonly surroundings?: Surroundings;
}

/** How to reach a libvirt server. */
export interface ConnectOptions extends SessionOptions {
  /** What to open and how, as `virsh -c` takes it: `qemu:///system`, `qemu+tls://host/system`, `test:///default`. */
  readonly uri: string;
}
