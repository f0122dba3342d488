/**
 * `instance set`, decided. The instance says at once what it is to be. The binding of a guest that is down is made anew
 * with it; that of one that is up keeps what QEMU was started with, grants of the new size what a running guest takes, and
 * holds what its next start takes more. So a restart after a crash gives the guest what it had, and the start that a user asks for what he set.
 */
import { isDeepStrictEqual } from 'node:util';
import { checkCombination, checkPolicy, type LiveSize } from '@gantry/guest';
import {
  Boot,
  err,
  type Flavor,
  type GuestInput,
  GuestPolicy,
  type Instance,
  InstanceSpec,
  type Operation,
  type Room,
  roomOf,
  type SetInstance,
  type SettingChange,
  type Step,
  stringMap,
  validate,
} from '@gantry/model';
import { requireBootAllowed } from '../api/boot-paths.ts';
import { type Asking, resolve } from '../api/call.ts';
import { patchMap } from '../api/named.ts';
import { COUNTERS } from '../objects.ts';
import { lastEpoch } from '../placement/choose-node.ts';
import { refit } from '../placement/refit.ts';
import { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { bindingOf, requireStillFits } from './begin-actions.ts';
import { requireBootable } from './boot-order.ts';
import { guestInput, readAncestry, theCluster } from './guest-spec.ts';
import { holding, putBinding } from './held-hardware.ts';
import { sizeSteps } from './instance-set.ts';
import { grant, sizeNow } from './live-size.ts';
import { addOperation, requireIdle } from './new-operation.ts';
import { held, rebound } from './rebound.ts';
import { requireRoom } from './room.ts';
import { settingChanges } from './setting-changes.ts';
import { sizeOf } from './sizes.ts';

export interface BegunSet {
  draft: Draft;
  after: Instance;
  changes: SettingChange[];
  /** By which the guest gets what it gets while it runs. */
  operation?: Operation;
}

/** @throws GantryError for everything that cannot be as asked; nothing is written here */
export async function setInstance(asking: Asking, before: Instance, body: SetInstance): Promise<BegunSet> {
  const { store, env } = asking.app;
  const flavor = body.flavor === undefined ? undefined : await resolve(asking, 'flavor', body.flavor);
  const wanted = changed(before, body, flavor);
  const { vcpus, memoryMiB } = wanted.spec;
  requireRoom({
    vcpus,
    memoryMiB,
    maxVcpus: body.maxVcpus ?? vcpus,
    maxMemoryMiB: body.maxMemoryMiB ?? memoryMiB,
  });
  const draft = new Draft(env.clock.now()).relyOn(flavor);
  if (body.boot) requireBootAllowed(asking.caller, wanted.spec.boot);
  if (before.spec.adopted) requireHardwareKept(before, body);
  if (sameWish(before, wanted))
    return { draft, after: before, changes: [], ...(await underWay(store, before)) };
  if (before.spec.resize && !isDeepStrictEqual(sizeOf(before), sizeOf(wanted)))
    throw err('resize_pending', { name: before.name, at: before.spec.resize.at });
  const ofGuest = !isDeepStrictEqual(hardwareOf(before), hardwareOf(wanted));
  if (ofGuest) await requireIdle(store, before);
  const down = before.status.state === 'stopped' && before.spec.power === 'stopped';
  const change = { before, after: wanted, down };
  const bound = ofGuest ? await rebind(asking, draft, change) : undefined;
  const flavors = { before: await flavorName(asking, before), after: await flavorName(asking, wanted) };
  const policies = bound?.policies ?? [];
  const changes = settingChanges({
    ...change,
    policies,
    flavors,
    ...(bound?.live ? { live: bound.live } : {}),
  });
  const operation = bound?.steps.length ? await begin(asking, draft, wanted, bound.steps) : undefined;
  const after = operation ? busyWith(operation, wanted) : wanted;
  draft.put(after);
  return { draft, after, changes, ...(operation ? { operation } : {}) };
}

const ofLife = ['onPoweroff', 'onReboot', 'onCrash', 'startOnBoot', 'stopTimeoutMs'];
const beside = ['labels', 'protected', 'guest'];

/** Of an imported instance only what is not its hardware. @throws GantryError `hardware_kept` */
function requireHardwareKept({ name }: Instance, body: SetInstance): void {
  const keys = Object.keys(body).filter((key) => !beside.includes(key));
  const settings = Object.keys(body.guest ?? {}).filter((key) => !ofLife.includes(key));
  const [first] = [...keys, ...settings];
  if (first !== undefined) throw err('hardware_kept', { name, action: `set ${first} of` });
}

/** A repeated request asks for what is so already. */
const sameWish = (before: Instance, after: Instance): boolean =>
  isDeepStrictEqual([before.spec, before.labels], [after.spec, after.labels]);

/** The first request’s, which goes on. */
async function underWay(store: Store, { status }: Instance): Promise<Pick<BegunSet, 'operation'>> {
  const operation = status.operation && (await store.get('operation', status.operation));
  return operation?.spec.kind === 'instance.set' && !operation.status.endedAt ? { operation } : {};
}

const hardwareOf = ({ spec: { protected: _, ...rest } }: Instance) => rest;

const begin = (asking: Asking, draft: Draft, target: Instance, steps: Step[]): Promise<Operation> =>
  addOperation(asking.app, asking.caller, draft, { kind: 'instance.set', target, steps, input: {} });

const busyWith = ({ id }: Operation, instance: Instance): Instance => ({
  ...instance,
  status: { ...instance.status, operation: id as NonNullable<Instance['status']['operation']> },
});

const Labels = stringMap('labels');

/** Sizes and extra specs are the flavor’s as it is now, except for what is given beside it. */
export function changed(instance: Instance, body: SetInstance, flavor: Flavor | undefined): Instance {
  const {
    extraSpecs: earlier,
    guest: policy,
    maxVcpus,
    maxMemoryMiB,
    bootOrder: had,
    ...spec
  } = instance.spec;
  const bootOrder = body.bootOrder === undefined ? had : (body.bootOrder ?? undefined);
  const extraSpecs = flavor ? flavor.spec.extraSpecs : earlier;
  const guest = patched(policy, body.guest);
  const { labels: labelled, ...rest } = instance;
  const labels = validate(Labels, patchMap(labelled, body.labels ?? {}));
  return {
    ...rest,
    generation: instance.generation + 1,
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    spec: validate(InstanceSpec, {
      ...spec,
      ...(flavor ? { flavor: flavor.id } : {}),
      vcpus: body.vcpus ?? flavor?.spec.vcpus ?? spec.vcpus,
      memoryMiB: body.memoryMiB ?? flavor?.spec.memoryMiB ?? spec.memoryMiB,
      ...roomAfter({ maxVcpus, maxMemoryMiB }, body, flavor),
      ...(extraSpecs ? { extraSpecs } : {}),
      ...(guest ? { guest } : {}),
      boot: bootOf(spec.boot, body.boot),
      ...(bootOrder ? { bootOrder } : {}),
      ...(body.protected === undefined ? {} : { protected: body.protected }),
    }),
  };
}

/** Of a flavor that is named anew all; a null unsets. */
function roomAfter(had: Room, body: SetInstance, flavor: Flavor | undefined): Room {
  const { maxVcpus, maxMemoryMiB } = flavor ? flavor.spec : had;
  return roomOf({
    maxVcpus: body.maxVcpus === undefined ? maxVcpus : (body.maxVcpus ?? undefined),
    maxMemoryMiB: body.maxMemoryMiB === undefined ? maxMemoryMiB : (body.maxMemoryMiB ?? undefined),
  });
}

/** Settings of a kernel are nothing to a guest that its disk boots. @throws GantryError `invalid_argument` */
function bootOf(boot: Boot, changes: SetInstance['boot']): Boot {
  if (!changes) return boot;
  const merged = Object.entries({ ...boot, ...changes }).filter(([, value]) => value !== null);
  const after = validate(Boot, Object.fromEntries(merged));
  const beside = merged.map(([key]) => key).filter((key) => key !== 'kernel');
  if (after.kernel !== 'disk' || beside.length === 0) return after;
  throw err('invalid_argument', {
    what: `${beside.join(', ')} beside kernel disk`,
    wanted:
      'possible: the boot loader on the disk chooses them; unset them (--initrd none, --root default, an empty --kernel-args), or name a kernel',
  });
}

function patched(policy: GuestPolicy | undefined, changes: SetInstance['guest']): GuestPolicy | undefined {
  if (!changes) return policy;
  const merged = Object.entries({ ...policy, ...changes }).filter(([, value]) => value !== null);
  return merged.length === 0 ? undefined : validate(GuestPolicy, Object.fromEntries(merged));
}

interface Change {
  before: Instance;
  after: Instance;
  down: boolean;
}

interface Rebound {
  /** What the guest inherits. */
  policies: GuestInput['policies'];
  /** What it takes while it runs, where it does. */
  live?: LiveSize;
  /** Of what it is given while it runs. */
  steps: Step[];
}

/** Puts the binding. */
async function rebind(asking: Asking, draft: Draft, change: Change): Promise<Rebound> {
  const { store } = asking.app;
  const guest = await bindingOf(asking, change.before);
  const input = guestInput(change.after, await readAncestry(store, change.after, guest.spec.node));
  checkPolicy(input.policies);
  checkCombination(input);
  requireBootable(change.after.name, change.after.spec, input);
  const { policies } = input;
  if (!isResized(change)) {
    await requireStillFits(asking, guest, input);
    const bound = change.down ? rebound(change.after, guest, input) : held(change.after, guest, input);
    putBinding(draft, guest, bound);
    return { policies, steps: [] };
  }
  const cluster = await theCluster(store);
  const epoch = await lastEpoch(store);
  const { fit, node } = await refit(asking.app.mirror, cluster, guest, input);
  // an epoch is left out, so that nobody is placed on what was free when this was decided
  draft.batch.counters.push({ name: COUNTERS.epoch, from: epoch, to: epoch + 1 });
  draft.relyOn(node, cluster);
  if (change.down) {
    putBinding(draft, guest, rebound(change.after, guest, input, fit));
    return { policies, steps: [] };
  }
  const live = sizeNow(change.before, guest, node, input);
  const granted = grant(guest.spec.input, asked(change, guest.spec.input, input), live);
  const waiting = sameSize(guest.spec.input, input)
    ? []
    : holding('next-start', fit, input.extraSpecs, guest.spec.fit);
  putBinding(draft, guest, held(change.after, guest, input, granted, waiting));
  return { policies, live, steps: sizeSteps(guest.spec.input, granted) };
}

/** What was not set now is not asked of the guest again: it may have kept it. */
const asked = ({ before, after }: Change, has: GuestInput, input: GuestInput): GuestInput => ({
  ...input,
  vcpus: before.spec.vcpus === after.spec.vcpus ? has.vcpus : input.vcpus,
  memoryMiB: before.spec.memoryMiB === after.spec.memoryMiB ? has.memoryMiB : input.memoryMiB,
});

function isResized({ before, after }: Change): boolean {
  const size = ({ spec }: Instance) =>
    JSON.stringify([spec.vcpus, spec.memoryMiB, roomOf(spec), spec.extraSpecs]);
  return size(before) !== size(after);
}

/** What it has is what it is to have: nothing of its hardware waits. */
const sameSize = (has: GuestInput, wanted: GuestInput): boolean =>
  isDeepStrictEqual(
    [has.vcpus, has.memoryMiB, has.extraSpecs],
    [wanted.vcpus, wanted.memoryMiB, wanted.extraSpecs],
  );

/** Of one that is deleted, its id. */
async function flavorName({ app }: Asking, { spec }: Instance): Promise<string | undefined> {
  return spec.flavor && ((await app.store.get('flavor', spec.flavor))?.name ?? spec.flavor);
}
