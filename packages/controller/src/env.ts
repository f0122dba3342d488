/** Time and randomness reach the controller only through this, so that a simulator can provide both. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Env {
  clock: Clock;
  /** Cryptographically strong, except in the simulator. */
  randomBytes(length: number): Uint8Array;
  uuid(): string;
  /** What this machine's resolver (hosts file, DNS) knows a name by; none where it cannot tell, or not in time. */
  addressesOf(name: string): Promise<readonly string[]>;
  log(level: LogLevel, message: string, fields?: Record<string, unknown>): void;
}

/** RFC 3339 in UTC. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** Now, as resources carry it. */
export const nowOf = (env: Env): string => timestamp(env.clock.now());
