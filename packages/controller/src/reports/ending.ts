/** A guest that ended itself, where its policy says stop, shall stay down: what is wanted follows what happened. */
import type { Guest, GuestStatus, LifePolicy } from '@gantry/model';
import { operationEnded } from '@gantry/model';
import type { App } from '../api/call.ts';
import { type Draft, withSpec } from '../store/batch.ts';

type Ending = NonNullable<GuestStatus['endedBy']>;

const policies: Partial<Record<Ending, keyof LifePolicy>> = {
  'guest-poweroff': 'onPoweroff',
  'guest-reboot': 'onReboot',
  watchdog: 'onPoweroff',
};

/**
 * The guest as it shall be kept. Only a status of the present spec counts: after a start that the node has not seen yet
 * the guest is wanted again. A crashed guest is left wanted: starting it again is the node's or the user's to decide.
 */
export async function applyEnding(app: App, draft: Draft, guest: Guest): Promise<Guest> {
  const { state, endedBy } = guest.status;
  const policy = endedBy && policies[endedBy];
  const current = guest.observedGeneration === guest.generation;
  if (!policy || !current || state !== 'stopped' || guest.spec.power !== 'running' || guest.spec.remove)
    return guest;
  if (guest.spec.life[policy] !== 'stop') return guest;
  const instance = await app.store.get('instance', guest.spec.instance);
  if (!instance) return guest;
  const busy = instance.status.operation && (await app.store.get('operation', instance.status.operation));
  if (busy && !operationEnded(busy.status.state)) return guest;
  draft.put(withSpec(instance, { power: 'stopped' }));
  return withSpec(guest, { power: 'stopped' });
}
