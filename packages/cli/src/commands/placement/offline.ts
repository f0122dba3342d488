import type { Verb } from '../../verb.ts';
import { placementAllocate } from './allocate.ts';
import { placementBalance } from './balance.ts';
import { placementCapacity } from './capacity.ts';

/** Commands that read files only. */
export const offlineVerbs: readonly Verb[] = [placementAllocate, placementBalance, placementCapacity];
