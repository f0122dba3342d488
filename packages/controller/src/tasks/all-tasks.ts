import type { Env } from '../env.ts';
import type { Store } from '../store/store.ts';
import { compactChanges } from './compact-changes.ts';
import { expireOperations } from './expire-operations.ts';
import { expireRecords } from './expire-records.ts';
import { guestEndings } from './guest-endings.ts';
import { nodeLease } from './node-lease.ts';
import { operationsAdvance } from './operations-advance.ts';
import { removeTombstones } from './remove-tombstones.ts';
import type { Task } from './task.ts';

/** Every background task of the controller. */
export const allTasks = (store: Store, env: Env): Task[] => [
  operationsAdvance(store, env),
  guestEndings(store, env),
  nodeLease(store, env),
  removeTombstones(store, env),
  compactChanges(store, env),
  expireRecords(store, env),
  expireOperations(store, env),
];
