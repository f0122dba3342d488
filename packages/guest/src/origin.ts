/** Who decided a thing about a guest: level, setting, rule. Every element of a domain carries one. */
import type { Provenance } from '@gantry/model';

export type Level = Provenance['level'];

export interface Origin {
  readonly level: Level;
  /** The setting that decided: `hw:watchdog_action`, `cpuMode`, ... */
  readonly source: string;
  /** Why, one sentence. */
  readonly rule: string;
}

/** A value together with who decided it. */
export interface Decided<T> {
  readonly value: T;
  readonly origin: Origin;
}

export const origin = (level: Level, source: string, rule: string): Origin =>
  Object.freeze({ level, source, rule });

/** What Gantry does where nobody said anything. */
export const builtin = (source: string, rule: string): Origin => origin('builtin', source, rule);

export const decided = <T>(value: T, by: Origin): Decided<T> => Object.freeze({ value, origin: by });
