/** How often a guest is asked whether it lives: often while it boots, seldom when it takes long, in the end no more. */
export interface Phase {
  everyMs: number;
  forMs: number;
}

export const pingPhases: readonly Phase[] = [
  { everyMs: 100, forMs: 60_000 },
  { everyMs: 1000, forMs: 4 * 60_000 },
  { everyMs: 5000, forMs: 10 * 60_000 },
];

/** From the first answered ping on: sshd starts late in a boot. */
export const sshPhases: readonly Phase[] = [
  { everyMs: 100, forMs: 30_000 },
  { everyMs: 1000, forMs: 5 * 60_000 },
  { everyMs: 5000, forMs: 10 * 60_000 },
];

/** The phase `elapsedMs` after the begin, and what is left of it; undefined: give up. */
export function phaseAt(
  phases: readonly Phase[],
  elapsedMs: number,
): (Phase & { leftMs: number }) | undefined {
  let end = 0;
  for (const phase of phases) {
    end += phase.forMs;
    if (elapsedMs < end) return { ...phase, leftMs: end - elapsedMs };
  }
  return undefined;
}
