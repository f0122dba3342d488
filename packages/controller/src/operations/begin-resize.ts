/**
 * `instance resize`, decided: another size that may be taken back. What the guest takes while it runs it takes so; else it
 * is stopped, rebound and started by one operation. Until it is confirmed the binding holds the larger of both sizes, and the
 * CPUs, pages and devices of both, so that the way back cannot be refused.
 */
import { isDeepStrictEqual } from 'node:util';
import { checkCombination, checkPolicy, resolvePolicy } from '@gantry/guest';
import {
  counted,
  err,
  type Fit,
  formatBytes,
  type Guest,
  type GuestInput,
  type GuestSpec,
  type Instance,
  type InstanceActionBody,
  isGantryError,
  mostMemoryMiB,
  mostVcpus,
  type OperationId,
  type Resize,
  type ResizeInstance,
  type Step,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { actorOf } from '../api/caller.ts';
import { nowOf, timestamp } from '../env.ts';
import { COUNTERS } from '../objects.ts';
import { describeFit, lastEpoch } from '../placement/choose-node.ts';
import { refit } from '../placement/refit.ts';
import { type BegunAction, begin, bindingOf } from './begin-actions.ts';
import { guestInput, readAncestry, theCluster } from './guest-spec.ts';
import { nextFit, putBinding, wayBack } from './held-hardware.ts';
import { type ResizeInput, resizeSteps } from './instance-resize.ts';
import { sizeSteps } from './instance-set.ts';
import { grant, sizeNow } from './live-size.ts';
import { type Exchanged, nextSpec, stopping, taking } from './resize-bindings.ts';
import { withOtherNode } from './resize-elsewhere.ts';
import { requireRoom } from './room.ts';
import { changed } from './set-instance.ts';
import { sizeOf, withSize } from './sizes.ts';

/** @throws GantryError `resize_pending`, `cannot_grow`, and what refuses a size anywhere */
export async function beginResize(
  asking: Asking,
  before: Instance,
  body: ResizeInstance,
): Promise<BegunAction> {
  const { name, spec } = before;
  if (spec.resize) throw err('resize_pending', { name, at: spec.resize.at });
  const { deadlineMs: _d, reason: _r, noRevert, ...wish } = body;
  const flavor = wish.flavor === undefined ? undefined : await resolve(asking, 'flavor', wish.flavor);
  const size = sizeOf(changed(before, wish, flavor));
  requireRoom(size);
  if (isDeepStrictEqual(size, sizeOf(before)))
    throw err('invalid_argument', {
      what: `a resize of ${name} to the size that it has`,
      wanted: 'another size',
    });
  const after = withSize(before, size, noRevert ? undefined : await resizeOf(asking, before));
  const begun = await exchange(asking, { before, after, title: 'resize' }, body);
  begun.draft.relyOn(flavor);
  return begun;
}

/** @throws GantryError `no_resize` */
export async function beginRevert(
  asking: Asking,
  before: Instance,
  body: InstanceActionBody,
): Promise<BegunAction> {
  const { resize } = before.spec;
  if (!resize) throw err('no_resize', { name: before.name, action: 'revert' });
  const after = withSize(before, resize.from, undefined);
  const back = (spec: GuestSpec) => wayBack(spec)?.fit ?? nextFit(spec);
  return exchange(asking, { before, after, title: 'take back the resize of', back }, body);
}

/** Confirmed by itself where a policy says when. */
async function resizeOf({ app, caller }: Asking, before: Instance): Promise<Resize> {
  const { policies } = guestInput(before, await readAncestry(app.store, before, before.status.node));
  const after = resolvePolicy(policies).confirmResizeAfterMs?.value;
  const now = app.env.clock.now();
  return {
    from: sizeOf(before),
    at: nowOf(app.env),
    by: actorOf(caller),
    ...(after === undefined ? {} : { confirmsAt: timestamp(now + after) }),
  };
}

interface Exchange {
  before: Instance;
  after: Instance;
  title: string;
  /** Of what it goes back to: held, and not chosen anew. */
  back?: (spec: GuestSpec) => Fit;
}

async function exchange(
  asking: Asking,
  { before, after, title, back }: Exchange,
  wishes: { deadlineMs?: number; reason?: string },
): Promise<BegunAction> {
  const { store, mirror } = asking.app;
  const guest = await bindingOf(asking, before);
  const input = guestInput(after, await readAncestry(store, after, guest.spec.node));
  checkPolicy(input.policies);
  checkCombination(input);
  const cluster = await theCluster(store);
  const epoch = await lastEpoch(store);
  const { fit, node } = await refit(mirror, cluster, guest, input, back?.(guest.spec)).catch(
    async (error: unknown) => {
      if (!isGantryError(error, 'cannot_grow') || back) throw error;
      throw await withOtherNode(asking, { before, after, guest, input, cluster }, error);
    },
  );
  const exchanged = { before, after, guest, input, fit };
  const way = wayOf(exchanged, sizeNow(before, guest, node, input));
  const next = nextSpec(exchanged, way.name === 'down' ? 'stopped' : 'running');
  const state = before.status.state;
  const { draft, operation, marked } = await begin(
    asking,
    after,
    { kind: 'instance.resize', steps: way.steps, input: inputOf(before, guest, way, next), state },
    wishes,
  );
  draft.batch.counters.push({ name: COUNTERS.epoch, from: epoch, to: epoch + 1 });
  draft.relyOn(node, cluster).put(marked);
  const bound = {
    down: () => ({ ...guest, generation: guest.generation + 1, spec: next }),
    restart: () => stopping(exchanged, operation.id as OperationId),
    live: () => taking(exchanged, way.granted ?? input),
  };
  putBinding(draft, guest, bound[way.name]());
  const size = `${counted(after.spec.vcpus, 'vCPU')}, ${formatBytes(after.spec.memoryMiB * 2 ** 20)} of memory`;
  const plan = [`${title} instance ${before.name}: ${size}`, ways[way.name], ...describeFit(fit)];
  return { draft, operation, plan };
}

const ways = {
  down: 'it does not run: its next start takes it',
  live: 'it takes it while it runs',
  restart: 'stop it, and start it with the new size',
} as const;

interface Way {
  name: keyof typeof ways;
  steps: Step[];
  /** What it takes while it runs. */
  granted?: GuestInput;
}

function wayOf({ before, guest, input, fit }: Exchanged, live: Parameters<typeof grant>[2]): Way {
  const { down, stopped, running } = resizeSteps;
  if (before.status.state === 'stopped' && before.spec.power === 'stopped')
    return { name: 'down', steps: [waiting(down)] };
  requireNotGoingDown(before);
  const has = guest.spec.input;
  const granted = grant(has, input, live);
  const whole = granted.vcpus === input.vcpus && granted.memoryMiB === input.memoryMiB;
  if (whole && sameMachine(has, input) && isDeepStrictEqual(fit, guest.spec.fit))
    return { name: 'live', steps: sizeSteps(has, granted), granted };
  return { name: 'restart', steps: [waiting(stopped), waiting(running)] };
}

/** A restart with the new size would keep up what nobody wants up. */
function requireNotGoingDown({ name, spec, status: { state } }: Instance): void {
  if (spec.power === 'stopped')
    throw err('wrong_state', {
      kind: 'instance',
      name,
      state,
      action: 'resize it',
      permitted: 'It is on its way down: that is possible when it is stopped.',
    });
}

/** Its QEMU is as a new one would be. */
const sameMachine = (has: GuestInput, wanted: GuestInput): boolean =>
  isDeepStrictEqual(has.extraSpecs, wanted.extraSpecs) &&
  mostVcpus(has) === mostVcpus(wanted) &&
  mostMemoryMiB(has) === mostMemoryMiB(wanted);

const waiting = (name: string): Step => ({ name, state: 'waiting' });

const inputOf = (before: Instance, { spec }: Guest, { name }: Way, next: GuestSpec): ResizeInput => ({
  way: name,
  was: { size: sizeOf(before), ...(before.spec.resize ? { resize: before.spec.resize } : {}) },
  before: spec,
  ...(name === 'restart' ? { next } : {}),
});
