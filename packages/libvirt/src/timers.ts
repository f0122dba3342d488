/** Node's timers count to 2^31 - 1 ms, some 25 days; a longer one fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** What of a time in ms a timer can wait for; Infinity is among what callers mean by never. */
export const timerMs = (ms: number): number => Math.min(ms, LONGEST_MS);
