import type { App } from '../api/call.ts';
import { balances } from './balances.ts';
import { compactChanges } from './compact-changes.ts';
import { confirmResizes } from './confirm-resizes.ts';
import { cpuBaselines } from './cpu-baselines.ts';
import { evacuations } from './evacuations.ts';
import { expireOperations } from './expire-operations.ts';
import { expireRecords } from './expire-records.ts';
import { expireTokens } from './expire-tokens.ts';
import { guestEndings } from './guest-endings.ts';
import { networkNodes } from './network-nodes.ts';
import { nodeLease } from './node-lease.ts';
import { operationsAdvance } from './operations-advance.ts';
import { removeTombstones } from './remove-tombstones.ts';
import { settleRestored } from './settle-restored.ts';
import { sweepImages } from './sweep-images.ts';
import type { Task } from './task.ts';

type Parts = Pick<App, 'store' | 'env' | 'images' | 'tunnels' | 'mirror'>;

/** Every background task of the controller. */
export const allTasks = (app: Parts): Task[] => {
  const { store, env, images } = app;
  return [
    operationsAdvance(store, env),
    guestEndings(store, env),
    confirmResizes(store, env),
    evacuations(app),
    balances(app),
    nodeLease(store, env),
    networkNodes(store, env),
    settleRestored(app),
    cpuBaselines(app),
    removeTombstones(store, env),
    sweepImages({ store, images }),
    compactChanges(store, env),
    expireRecords(store, env),
    expireTokens(store, env),
    expireOperations(store, env),
  ];
};
