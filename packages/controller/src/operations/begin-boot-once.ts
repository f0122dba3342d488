/** start and reboot from elsewhere, once: what each writes when it begins. A guest that may run is stopped for it first. */
import { checkCombination } from '@gantry/guest';
import { type BootOrder, err, type Instance, type InstanceActionBody, type Step } from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { withSpec } from '../store/batch.ts';
import { type BegunAction, begin, bindingOf, requireStillFits, withTimes } from './begin-actions.ts';
import { bindingOfOnce, type OnceInput, onceSteps } from './boot-once.ts';
import { requireBootableOnce } from './boot-order.ts';
import { guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { putBinding, startingFit } from './held-hardware.ts';
import { stopSteps } from './instance-stop.ts';
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
  const { instance: id, epoch } = guest.spec;
  const next = guestSpec(input, {
    ...{ instance: id, epoch, power: 'running' as const },
    ...startingFit(instance, guest, input),
  });
  const what = {
    kind,
    steps: mayRun(instance)
      ? [...waiting(onceSteps.media, stopSteps.stopped), ...stepsUntil(body.until)]
      : stepsUntil(body.until),
    input: {
      ...{ bootOnce: body.bootOnce, before: instance.spec.power, next },
      force: body.force ?? false,
    } satisfies OnceInput,
    state: kind === 'instance.start' ? 'starting' : instance.status.state,
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, body);
  const node = guest.spec.node;
  await ensureMedia(app, draft, input.cds, { cluster: await theCluster(app.store), node });
  if (mayRun(instance)) draft.relyOn(guest);
  else putBinding(draft, guest, bindingOfOnce(guest, operation));
  draft.put(withSpec(withTimes(marked, nowOf(app.env)), { power: 'running' }));
  const stop = kind === 'instance.reboot' ? [`stop instance ${name}${body.force ? ' at once' : ''}`] : [];
  const start = `start instance ${name} from ${body.bootOnce.join(', ')}, this once`;
  return { draft, operation, plan: [...stop, start, 'when its guest reboots, it boots as always'] };
}

const waiting = (...names: string[]): Step[] => names.map((name) => ({ name, state: 'waiting' }));

/** Down is what is known to be: of others there may be a QEMU, which has what the binding says now. */
const mayRun = ({ status }: Instance): boolean =>
  !['stopped', 'suspended', 'crashed', 'failed'].includes(status.state);
