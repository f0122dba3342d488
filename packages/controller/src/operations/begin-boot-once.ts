/** start and reboot from elsewhere, once: what each writes when it begins. A guest that runs is stopped for it. */
import { checkCombination } from '@gantry/guest';
import {
  type BootOrder,
  err,
  type GuestSpec,
  type Instance,
  type InstanceActionBody,
  type OperationId,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { withSpec } from '../store/batch.ts';
import { type BegunAction, begin, bindingOf, requireStillFits, withTimes } from './begin-actions.ts';
import { requireBootableOnce } from './boot-order.ts';
import { guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { putBinding, startingFit } from './held-hardware.ts';
import { ensureMedia, requireCds } from './media.ts';
import { stepsUntil } from './waits.ts';

type Begin = (asking: Asking, instance: Instance, body: InstanceActionBody) => Promise<BegunAction>;

/** The way of `begin`, but where the body names what to boot. */
export const orOnce =
  (kind: 'instance.start' | 'instance.reboot', otherwise: Begin): Begin =>
  (asking, instance, body) =>
    body.bootOnce
      ? beginOnce(asking, instance, { ...body, bootOnce: body.bootOnce }, kind)
      : otherwise(asking, instance, body);

async function beginOnce(
  asking: Asking,
  instance: Instance,
  body: InstanceActionBody & { bootOnce: BootOrder },
  kind: 'instance.start' | 'instance.reboot',
): Promise<BegunAction> {
  const { app } = asking;
  const { name } = instance;
  if (instance.spec.adopted) throw err('hardware_kept', { name, action: 'boot from elsewhere' });
  if (instance.status.state === 'suspended' && !body.discardSaved)
    throw err('invalid_argument', {
      what: `booting ${name} from ${body.bootOnce.join(', ')}`,
      wanted: 'possible: it would go on with its saved memory; --discard-saved drops that',
    });
  const guest = await bindingOf(asking, instance);
  await requireCds(asking, guest.spec.node);
  const input = guestInput(instance, await readAncestry(app.store, instance, guest.spec.node));
  requireBootableOnce(name, body.bootOnce, input);
  checkCombination(input);
  await requireStillFits(asking, guest, input);
  const what = {
    kind,
    steps: stepsUntil(body.until),
    input: { bootOnce: body.bootOnce, before: instance.spec.power },
    state: kind === 'instance.start' ? 'starting' : instance.status.state,
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, body);
  const node = guest.spec.node;
  await ensureMedia(app, draft, input.cds, { cluster: await theCluster(app.store), node });
  const spec: GuestSpec = {
    ...guestSpec(input, {
      instance: guest.spec.instance,
      epoch: guest.spec.epoch,
      power: 'running',
      ...startingFit(instance, guest, input),
      operation: operation.id as OperationId,
    }),
    bootOnce: { operation: operation.id as OperationId, order: body.bootOnce },
    ...(body.force ? { force: true } : {}),
  };
  putBinding(draft, guest, { ...guest, generation: guest.generation + 1, spec });
  draft.put(withSpec(withTimes(marked, nowOf(app.env)), { power: 'running' }));
  const stop = kind === 'instance.reboot' ? [`stop instance ${name}${body.force ? ' at once' : ''}`] : [];
  const start = `start instance ${name} from ${body.bootOnce.join(', ')}, this once`;
  return { draft, operation, plan: [...stop, start, 'when its guest reboots, it boots as always'] };
}
