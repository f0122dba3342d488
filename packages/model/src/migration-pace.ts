/** How a live migration is pressed to its end: the steps of the allowed pause, and when it has taken too long. */

export interface DowntimePolicy {
  /** The longest pause, at the last step. */
  readonly downtimeMs: number;
  readonly steps: number;
  /** Between two steps, for each GiB to be moved. */
  readonly delayS: number;
}

export interface DowntimeStep {
  /** After the start of the migration. */
  readonly afterS: number;
  readonly downtimeMs: number;
}

/** From a fraction of the allowed pause to all of it, in equal steps: Nova’s downtime_steps (26.2.2). */
export function downtimeSteps(
  { downtimeMs, steps, delayS }: DowntimePolicy,
  dataGiB: number,
): DowntimeStep[] {
  const delay = Math.floor(delayS * dataGiB);
  const base = downtimeMs / steps;
  const offset = (downtimeMs - base) / steps;
  return Array.from({ length: steps + 1 }, (_, step) => ({
    afterS: delay * step,
    downtimeMs: Math.floor(base + offset * step),
  }));
}

/**
 * Is it time to act on a migration that does not end? `limitS` 0 is never; once in post-copy nothing helps but waiting:
 * neither side has the whole memory any more.
 */
export const isMigrationOverdue = (elapsedS: number, limitS: number, postCopy: boolean): boolean =>
  limitS > 0 && !postCopy && elapsedS > limitS;
