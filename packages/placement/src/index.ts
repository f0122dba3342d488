/** Where a guest can go, and why. Pure. */
export {
  freeDiskMiB,
  freeMemoryMiB,
  freeVcpus,
  type Judge,
  rejectionsOf,
  type TestName,
} from './feasible.ts';
export { place } from './place.ts';
export { defaultPolicy, type PlacementPolicy } from './policy.ts';
export { refusal } from './refusal.ts';
export { type Score, scoreOf } from './score.ts';
