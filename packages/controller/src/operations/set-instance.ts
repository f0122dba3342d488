/**
 * `instance set`, decided. The instance says at once what it is to be. The binding of a guest that is down is made anew
 * with it; that of one that is up keeps what QEMU was started with, and holds what its next start takes more. So a
 * restart after a crash gives the guest what it had, and the start that a user asks for what he set.
 */
import { checkCombination, checkPolicy, lifePolicy } from '@gantry/guest';
import {
  Boot,
  err,
  type Flavor,
  type Guest,
  type GuestInput,
  GuestPolicy,
  type Instance,
  InstanceSpec,
  type SetInstance,
  type SettingChange,
  stringMap,
  validate,
} from '@gantry/model';
import { requireBootAllowed } from '../api/boot-paths.ts';
import { type Asking, resolve } from '../api/call.ts';
import { patchMap } from '../api/named.ts';
import { COUNTERS } from '../objects.ts';
import { exchangeHardware, lastEpoch } from '../placement/choose-node.ts';
import { refit } from '../placement/refit.ts';
import { Draft } from '../store/batch.ts';
import { bindingOf, requireStillFits } from './begin-actions.ts';
import { guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { requireIdle } from './new-operation.ts';
import { settingChanges } from './setting-changes.ts';

export interface BegunSet {
  draft: Draft;
  after: Instance;
  changes: SettingChange[];
}

/** @throws GantryError for everything that cannot be as asked; nothing is written here */
export async function setInstance(asking: Asking, before: Instance, body: SetInstance): Promise<BegunSet> {
  const { store, env } = asking.app;
  const flavor = body.flavor === undefined ? undefined : await resolve(asking, 'flavor', body.flavor);
  const after = changed(before, body, flavor);
  const draft = new Draft(env.clock.now()).put(after).relyOn(flavor);
  const ofGuest = body.flavor ?? body.vcpus ?? body.memoryMiB ?? body.guest ?? body.boot;
  if (body.boot) requireBootAllowed(asking.caller, after.spec.boot);
  if (ofGuest !== undefined) await requireIdle(store, before);
  const down = before.status.state === 'stopped' && before.spec.power === 'stopped';
  const policies = ofGuest === undefined ? [] : await rebind(asking, draft, { before, after, down });
  const flavors = { before: await flavorName(asking, before), after: await flavorName(asking, after) };
  const changes = settingChanges({ before, after, policies, flavors, down });
  return { draft, after, changes };
}

const Labels = stringMap('labels');

/** Sizes and extra specs are the flavor’s as it is now, except for what is given beside it. */
function changed(instance: Instance, body: SetInstance, flavor: Flavor | undefined): Instance {
  const { extraSpecs: earlier, guest: policy, ...spec } = instance.spec;
  const extraSpecs = flavor ? flavor.spec.extraSpecs : earlier;
  const guest = patched(policy, body.guest);
  const { labels: had, ...rest } = instance;
  const labels = validate(Labels, patchMap(had, body.labels ?? {}));
  return {
    ...rest,
    generation: instance.generation + 1,
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    spec: validate(InstanceSpec, {
      ...spec,
      ...(flavor ? { flavor: flavor.id } : {}),
      vcpus: body.vcpus ?? flavor?.spec.vcpus ?? spec.vcpus,
      memoryMiB: body.memoryMiB ?? flavor?.spec.memoryMiB ?? spec.memoryMiB,
      ...(extraSpecs ? { extraSpecs } : {}),
      ...(guest ? { guest } : {}),
      boot: bootOf(spec.boot, body.boot),
      ...(body.protected === undefined ? {} : { protected: body.protected }),
    }),
  };
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
    wanted: 'possible: the boot loader on the disk chooses them; unset them, or name a kernel',
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

/** Puts the binding. Returns what the guest inherits. */
async function rebind(asking: Asking, draft: Draft, change: Change): Promise<GuestInput['policies']> {
  const { store } = asking.app;
  const guest = await bindingOf(asking, change.before);
  const input = guestInput(change.after, await readAncestry(store, change.after, guest.spec.node));
  checkPolicy(input.policies);
  checkCombination(input);
  if (!isResized(change)) {
    await requireStillFits(asking, guest, input);
    draft.put(change.down ? rebound(guest, input) : held(guest, input));
    return input.policies;
  }
  const cluster = await theCluster(store);
  const epoch = await lastEpoch(store);
  const { fit, node } = await refit(asking.app.mirror, cluster, guest, input);
  if (!change.down) requireSameHardware(guest, fit, change.after.name);
  // an epoch is left out, so that nobody is placed on what was free when this was decided
  draft.batch.counters.push({ name: COUNTERS.epoch, from: epoch, to: epoch + 1 });
  draft.relyOn(node, cluster);
  if (change.down) exchangeHardware(draft, guest.spec.fit, fit, guest.spec.instance);
  draft.put(change.down ? rebound(guest, input, fit) : held(guest, input));
  return input.policies;
}

function isResized({ before, after }: Change): boolean {
  const size = ({ spec }: Instance) => JSON.stringify([spec.vcpus, spec.memoryMiB, spec.extraSpecs]);
  return size(before) !== size(after);
}

function requireSameHardware({ spec }: Guest, fit: Guest['spec']['fit'], name: string): void {
  const own = [spec.fit, fit].some(({ cells, pciDevices = [] }) => cells || pciDevices.length > 0);
  if (!own) return;
  const why = 'its CPUs, pages and devices on the node are chosen anew';
  throw err('stop_first', { what: 'the size', name, why });
}

/** A guest that is down: all of it. */
function rebound(guest: Guest, input: GuestInput, fit = guest.spec.fit): Guest {
  const { instance, epoch, power, operation } = guest.spec;
  const spec = guestSpec(input, { instance, fit, epoch, power, ...(operation ? { operation } : {}) });
  return { ...guest, generation: guest.generation + 1, spec };
}

/**
 * A guest that is up. This generation does not say that it is wanted: one that just powered itself off would be started.
 */
function held(guest: Guest, input: GuestInput): Guest {
  const { reserved: _, ...spec } = guest.spec;
  const most = {
    vcpus: Math.max(input.vcpus, spec.input.vcpus),
    memoryMiB: Math.max(input.memoryMiB, spec.input.memoryMiB),
  };
  const more = most.vcpus > spec.input.vcpus || most.memoryMiB > spec.input.memoryMiB;
  const standing = (spec.standing ?? 0) + 1;
  const life = lifePolicy(input.policies);
  return {
    ...guest,
    generation: guest.generation + 1,
    spec: { ...spec, life, standing, ...(more ? { reserved: most } : {}) },
  };
}

/** Of one that is deleted, its id. */
async function flavorName({ app }: Asking, { spec }: Instance): Promise<string | undefined> {
  return spec.flavor && ((await app.store.get('flavor', spec.flavor))?.name ?? spec.flavor);
}
