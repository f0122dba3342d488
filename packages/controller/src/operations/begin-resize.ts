/**
 * `instance resize`, decided: another size that may be taken back. What the guest takes while it runs it takes so; else it
 * is stopped, rebound and started by one operation. Until it is confirmed the binding holds the larger of both sizes, so
 * that the way back cannot be refused.
 */
import { isDeepStrictEqual } from 'node:util';
import { checkCombination, checkPolicy, resolvePolicy } from '@gantry/guest';
import {
  err,
  type Fit,
  type Guest,
  type GuestInput,
  type GuestSpec,
  type Instance,
  type InstanceActionBody,
  mostMemoryMiB,
  mostVcpus,
  type Resize,
  type ResizeInstance,
  type Step,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { nowOf, timestamp } from '../env.ts';
import { COUNTERS } from '../objects.ts';
import { lastEpoch } from '../placement/choose-node.ts';
import { refit } from '../placement/refit.ts';
import { type BegunAction, begin, bindingOf } from './begin-actions.ts';
import { guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { type ResizeInput, resizeSteps } from './instance-resize.ts';
import { sizeSteps } from './instance-set.ts';
import { grant, sizeNow } from './live-size.ts';
import { held, rebound } from './rebound.ts';
import { reservedFor } from './reserved.ts';
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
  const { deadlineMs: _d, reason: _r, ...wish } = body;
  const flavor = wish.flavor === undefined ? undefined : await resolve(asking, 'flavor', wish.flavor);
  const size = sizeOf(changed(before, wish, flavor));
  requireRoom(size);
  if (isDeepStrictEqual(size, sizeOf(before)))
    throw err('invalid_argument', {
      what: `a resize of ${name} to the size that it has`,
      wanted: 'another size',
    });
  const after = withSize(before, size, await resizeOf(asking, before));
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
  return exchange(asking, { before, after, title: 'take back the resize of' }, body);
}

/** Confirmed by itself where a policy says when. */
async function resizeOf({ app, caller }: Asking, before: Instance): Promise<Resize> {
  const { policies } = guestInput(before, await readAncestry(app.store, before, before.status.node));
  const after = resolvePolicy(policies).confirmResizeAfterMs?.value;
  const now = app.env.clock.now();
  return {
    from: sizeOf(before),
    at: nowOf(app.env),
    by: caller.token.name,
    ...(after === undefined ? {} : { confirmsAt: timestamp(now + after) }),
  };
}

interface Exchange {
  before: Instance;
  after: Instance;
  title: string;
}

async function exchange(
  asking: Asking,
  { before, after, title }: Exchange,
  wishes: { deadlineMs?: number; reason?: string },
): Promise<BegunAction> {
  const { store, mirror } = asking.app;
  const guest = await bindingOf(asking, before);
  const input = guestInput(after, await readAncestry(store, after, guest.spec.node));
  checkPolicy(input.policies);
  checkCombination(input);
  const cluster = await theCluster(store);
  const epoch = await lastEpoch(store);
  const { fit, node } = await refit(mirror, cluster, guest, input);
  refuseOwnHardware([guest.spec.fit, fit], before.name);
  const way = wayOf(before, guest, input, sizeNow(before, guest, node, input));
  const was = { size: sizeOf(before), ...(before.spec.resize ? { resize: before.spec.resize } : {}) };
  const next = nextSpec(after, guest, input, fit);
  const what: ResizeInput = {
    way: way.name,
    was,
    ...(way.name === 'restart' ? { before: guest.spec, next } : {}),
  };
  const state = before.status.state;
  const { draft, operation, marked } = await begin(
    asking,
    after,
    { kind: 'instance.resize', steps: way.steps, input: what, state },
    wishes,
  );
  draft.batch.counters.push({ name: COUNTERS.epoch, from: epoch, to: epoch + 1 });
  draft.relyOn(node, cluster).put(marked);
  if (way.name === 'down') draft.put(rebound(after, guest, input, fit));
  else if (way.name === 'live') draft.put(held(after, guest, input, way.granted));
  else draft.put(stopping(after, guest, input, operation.id as NonNullable<GuestSpec['operation']>));
  const size = `${after.spec.vcpus} vCPUs, ${after.spec.memoryMiB} MiB of memory`;
  return { draft, operation, plan: [`${title} instance ${before.name}: ${size}`, ways[way.name]] };
}

const ways = {
  down: 'it does not run: its next start takes it',
  live: 'it takes it while it runs',
  restart: 'stop it, and start it with the new size',
} as const;

type Way = { steps: Step[] } & ({ name: 'down' | 'restart' } | { name: 'live'; granted: GuestInput });

function wayOf(before: Instance, guest: Guest, input: GuestInput, live: Parameters<typeof grant>[2]): Way {
  const { down, stopped, running } = resizeSteps;
  if (before.status.state === 'stopped' && before.spec.power === 'stopped')
    return { name: 'down', steps: [waiting(down)] };
  const has = guest.spec.input;
  const granted = grant(has, input, live);
  const same = (pick: (input: GuestInput) => unknown) => isDeepStrictEqual(pick(granted), pick(input));
  const whole = same(({ vcpus, memoryMiB }) => [vcpus, memoryMiB]) && sameMachine(has, input);
  if (whole) return { name: 'live', steps: sizeSteps(has, granted), granted };
  return { name: 'restart', steps: [waiting(stopped), waiting(running)] };
}

/** Its QEMU is as a new one would be. */
const sameMachine = (has: GuestInput, wanted: GuestInput): boolean =>
  isDeepStrictEqual(has.extraSpecs, wanted.extraSpecs) &&
  mostVcpus(has) === mostVcpus(wanted) &&
  mostMemoryMiB(has) === mostMemoryMiB(wanted);

const waiting = (name: string): Step => ({ name, state: 'waiting' });

/** Both sizes’ CPUs, pages and devices would have to be held. */
function refuseOwnHardware(fits: readonly Fit[], name: string): void {
  if (!fits.some(({ cells, pciDevices = [] }) => cells || pciDevices.length > 0)) return;
  throw err('not_supported', {
    what: `a resize with the way back open for ${name}, whose CPUs, pages or devices are its own`,
    instead: `Stop it, and use \`gantry instance set ${name}\`.`,
  });
}

function nextSpec(after: Instance, guest: Guest, input: GuestInput, fit: Fit): GuestSpec {
  const { instance, epoch } = guest.spec;
  return guestSpec(input, { instance, fit, epoch, power: 'running', ...reservedFor(after, input) });
}

/** On its way down it holds what it will have. */
function stopping(
  after: Instance,
  guest: Guest,
  input: GuestInput,
  operation: NonNullable<GuestSpec['operation']>,
): Guest {
  const { reserved } = reservedFor(after, guest.spec.input);
  const spec = { ...guest.spec, power: 'stopped' as const, operation };
  const { memoryMiB, vcpus } = guest.spec.input;
  const more = input.vcpus > vcpus || input.memoryMiB > memoryMiB ? reserved : guest.spec.reserved;
  return {
    ...guest,
    generation: guest.generation + 1,
    spec: { ...spec, ...(more ? { reserved: more } : {}) },
  };
}
