/**
 * A guest that ended itself, where its policy says stop, shall stay down: what is wanted follows what happened. Looked at
 * again and again, since the report of it may come while an operation is busy with the instance.
 */
import type { Guest, GuestStatus, Instance, LifePolicy } from '@gantry/model';
import { operationEnded } from '@gantry/model';
import type { Env } from '../env.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

type Ending = NonNullable<GuestStatus['endedBy']>;

const policies: Partial<Record<Ending, keyof LifePolicy>> = {
  'guest-poweroff': 'onPoweroff',
  'guest-reboot': 'onReboot',
  watchdog: 'onPoweroff',
};

export function guestEndings(store: Store, env: Env): Task {
  return {
    name: 'guest-endings',
    periodMs: 30_000,
    wants: ({ changes }) =>
      changes.some(
        ({ object }) => object.kind === 'operation' || (object.kind === 'guest' && endedItself(object)),
      ),
    async run() {
      const { items } = await store.list('guest', { states: ['stopped'] });
      for (const guest of items.filter(endedItself)) await keepDown(store, env, guest);
    },
  };
}

/**
 * Only a status of the present spec counts: after a start that the node has not seen yet the guest is wanted again. A
 * crashed guest is left wanted: starting it again is the node's or the user's to decide.
 */
function endedItself({ spec, status, generation, observedGeneration }: Guest): boolean {
  const policy = status.endedBy && policies[status.endedBy];
  const wanted = spec.power === 'running' && !spec.remove;
  return (
    wanted &&
    status.state === 'stopped' &&
    observedGeneration === generation &&
    policy !== undefined &&
    spec.life[policy] === 'stop'
  );
}

async function keepDown(store: Store, env: Env, guest: Guest): Promise<void> {
  const instance = await store.get('instance', guest.spec.instance);
  if (!instance || (await isBusy(store, instance))) return;
  const draft = new Draft(env.clock.now())
    .put(withSpec(instance, { power: 'stopped' }))
    .put(withSpec(guest, { power: 'stopped' }));
  await store.commit(draft.batch).catch((error: unknown) => {
    if (!(error instanceof Conflict)) throw error;
  });
}

async function isBusy(store: Store, { status }: Instance): Promise<boolean> {
  const operation = status.operation ? await store.get('operation', status.operation) : undefined;
  return operation !== undefined && !operationEnded(operation.status.state);
}
