/** suspend, and the start that goes on from there: what each writes when it begins. */
import type { GuestSpec, Instance, InstanceActionBody, Step } from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { withSpec } from '../store/batch.ts';
import { type BegunAction, begin, beginStart, bindingOf, withTimes } from './begin-actions.ts';
import { suspendSteps } from './instance-suspend.ts';
import { stepsUntil } from './waits.ts';

export async function beginSuspend(
  asking: Asking,
  instance: Instance,
  body: InstanceActionBody,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const steps: Step[] = [{ name: suspendSteps.saved, state: 'waiting' }];
  const what = {
    kind: 'instance.suspend',
    steps,
    input: { before: instance.spec.power },
    state: 'stopping',
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, body);
  const logTo = operation.id as NonNullable<GuestSpec['operation']>;
  draft.put(withSpec(guest, { power: 'stopped', force: false, memory: 'save', operation: logTo }));
  draft.put(withSpec(marked, { power: 'stopped' }));
  const size = `${guest.spec.input.memoryMiB} MiB`;
  return {
    draft,
    operation,
    plan: [`write the memory of instance ${instance.name} to disk (up to ${size})`],
  };
}

/** A suspended instance goes on with its memory, unless that is to be dropped. */
export const beginStartOrRestore: typeof beginStart = (asking, instance, body) =>
  instance.status.state === 'suspended' && !body.discardSaved
    ? beginRestore(asking, instance, body)
    : beginStart(asking, instance, body);

/** Its hardware is that of the saved memory, so the binding stays as it was: settings changed since then wait. */
async function beginRestore(
  asking: Asking,
  instance: Instance,
  body: InstanceActionBody,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const what = {
    kind: 'instance.start',
    steps: stepsUntil(body.until),
    input: { restore: true },
    state: 'starting',
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, body);
  const logTo = operation.id as NonNullable<GuestSpec['operation']>;
  draft.put(withSpec(guest, { power: 'running', force: false, memory: 'restore', operation: logTo }));
  draft.put(withSpec(withTimes(marked, nowOf(asking.app.env)), { power: 'running' }));
  const plan = [
    `start instance ${instance.name}: it goes on with its saved memory`,
    'it keeps the hardware that it was suspended with; settings changed since then wait for the start after this',
  ];
  return { draft, operation, plan };
}
