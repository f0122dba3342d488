/**
 * Background tasks: no input, run periodically and when nudged, one run at a time, no retries inside (the next run is
 * the retry). Each says how it is doing as JSON and can be switched off.
 */
import type { Notice } from '../store/store.ts';

export interface Task {
  name: string;
  /** Runs at least so often. */
  periodMs: number;
  /** Concerned by this commit: run soon. */
  wants?(notice: Notice): boolean;
  /** When to run although nothing happens, ms of the wall clock. */
  alarmMs?(): number;
  run(signal: AbortSignal): Promise<void>;
  status?(): object;
}
