/** start, stop, delete, and what is posted as an act: what each writes when it begins. */
import { checkCombination, refusalOn } from '@gantry/guest';
import {
  type Act,
  err,
  type Guest,
  type GuestInput,
  type GuestSpec,
  type Instance,
  type InstanceActionBody,
  type InstanceKeyPresses,
  keyCodes,
  type Operation,
  type OperationKind,
  type Query,
  type Step,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { newObject } from '../objects.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { bindingAmong } from './binding.ts';
import { guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { nextFit, putBinding, startingFit } from './held-hardware.ts';
import { deleteSteps } from './instance-delete.ts';
import { bootOf, rebootSteps, rebootStepsUntil } from './instance-reboot.ts';
import { stopSteps } from './instance-stop.ts';
import { ensureMedia } from './media.ts';
import { addOperation, DEFAULT_DEADLINE_MS } from './new-operation.ts';
import { stepsUntil } from './waits.ts';

export interface BegunAction {
  draft: Draft;
  operation: Operation;
  plan: string[];
}

interface Wishes {
  deadlineMs?: number | undefined;
  reason?: string | undefined;
}

const waiting = (names: object): Step[] =>
  Object.values(names).map((name) => ({ name: String(name), state: 'waiting' }));

/** The operation, and its instance marked as busy with it. */
export async function begin(
  asking: Asking,
  instance: Instance,
  what: {
    id?: string | undefined;
    kind: OperationKind;
    steps: Step[];
    input: object;
    state: Instance['status']['state'];
  },
  wishes: Wishes,
): Promise<{ draft: Draft; operation: Operation; marked: Instance }> {
  const draft = new Draft(asking.app.env.clock.now());
  const operation = await addOperation(asking.app, asking.caller, draft, {
    id: what.id,
    kind: what.kind,
    target: instance,
    steps: what.steps,
    input: { ...what.input },
    deadlineMs: wishes.deadlineMs,
    reason: wishes.reason,
  });
  const status = {
    ...instance.status,
    state: what.state,
    operation: operation.id as NonNullable<Instance['status']['operation']>,
  };
  return { draft, operation, marked: { ...instance, status } };
}

/** @throws GantryError `wrong_state` where none is left */
export async function bindingOf(
  { app }: { app: Pick<Asking['app'], 'store'> },
  instance: Instance,
): Promise<Guest> {
  const guest = bindingAmong((await app.store.list('guest', { owner: instance.id })).items, instance);
  if (!guest || guest.spec.remove)
    throw err('wrong_state', {
      kind: 'instance',
      name: instance.name,
      state: 'half removed',
      action: 'do this',
      permitted: 'It can only be deleted.',
    });
  return guest;
}

/**
 * Settings that it inherits are read anew: they apply from this start on. One of which nobody knows whether it runs gets
 * none of what waits: it may have been up all the time, and then its binding would say what its QEMU has not.
 */
export async function beginStart(
  asking: Asking,
  instance: Instance,
  body: InstanceActionBody,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const mayRun = instance.status.state === 'unknown';
  const what = {
    kind: 'instance.start',
    steps: stepsUntil(body.until),
    input: mayRun && instance.spec.power === 'running' ? { mayRun } : {},
    state: 'starting',
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, body);
  const input = mayRun
    ? guest.spec.input
    : guestInput(instance, await readAncestry(asking.app.store, instance, guest.spec.node));
  checkCombination(input);
  await requireStillFits(asking, guest, input);
  const { store } = asking.app;
  await ensureMedia(asking.app, draft, input.cds, {
    cluster: await theCluster(store),
    node: guest.spec.node,
  });
  const logTo = operation.id as NonNullable<GuestSpec['operation']>;
  const spec = mayRun
    ? wantedAgain(guest.spec, logTo, body)
    : guestSpec(input, {
        instance: guest.spec.instance,
        epoch: guest.spec.epoch,
        power: 'running',
        ...startingFit(instance, guest, input),
        operation: logTo,
      });
  putBinding(draft, guest, { ...guest, generation: guest.generation + 1, spec });
  draft.put(withSpec(withTimes(marked, nowOf(asking.app.env)), { power: 'running' }));
  const lost = instance.status.state === 'suspended' ? ['its saved memory is dropped'] : [];
  return { draft, operation, plan: [`start instance ${instance.name}`, ...lost] };
}

/** As it was started last; saved memory, where there is some, is not dropped on a guess. */
function wantedAgain(
  bound: GuestSpec,
  operation: NonNullable<GuestSpec['operation']>,
  { discardSaved }: InstanceActionBody,
): GuestSpec {
  const { force: _, held: __, memory, ...spec } = bound;
  return {
    ...spec,
    power: 'running',
    operation,
    ...(memory && !discardSaved ? { memory: 'restore' as const } : {}),
  };
}

/** Its place stays as it was chosen; what changed since, of settings or of the node, may rule it out. */
export async function requireStillFits(
  { app }: { app: Pick<Asking['app'], 'store'> },
  { spec }: Guest,
  input: GuestInput,
): Promise<void> {
  // nothing is compiled of one whose hardware is its definition's
  if (input.definition === 'kept') return;
  const facts = (await app.store.get('node', spec.node))?.status.facts;
  const why = facts && refusalOn(facts, input, nextFit(spec));
  if (why) throw err('guest_refused', { why });
}

export const withTimes = (instance: Instance, submittedAt: string): Instance => ({
  ...instance,
  status: { ...instance.status, timeline: { submittedAt } },
});

export async function beginStop(
  asking: Asking,
  instance: Instance,
  body: InstanceActionBody,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const stopTimeoutMs = body.timeoutMs ?? guest.spec.life.stopTimeoutMs;
  const force = body.force ?? false;
  const deadlineMs = body.deadlineMs ?? Math.max(DEFAULT_DEADLINE_MS, stopTimeoutMs + 60_000);
  const what = {
    kind: 'instance.stop',
    steps: waiting(stopSteps),
    input: { force, before: instance.spec.power, stopTimeoutMs: guest.spec.life.stopTimeoutMs },
    state: 'stopping',
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, { ...body, deadlineMs });
  const life = { ...guest.spec.life, stopTimeoutMs };
  const logTo = operation.id as NonNullable<GuestSpec['operation']>;
  // one that could not be saved is to be stopped, and not saved after all
  const memory = guest.spec.memory === 'save' ? { memory: 'restore' as const } : {};
  draft.put(withSpec(guest, { power: 'stopped', force, life, operation: logTo, ...memory }));
  draft.put(withSpec(marked, { power: 'stopped' }));
  const how = force ? 'at once' : `ask it, and force it after ${stopTimeoutMs / 1000} s`;
  return { draft, operation, plan: [`stop instance ${instance.name}: ${how}`] };
}

const actVerbs = {
  'instance.reboot': 'reboot',
  'instance.reset': 'reset',
  'instance.pause': 'pause',
  'instance.resume': 'resume',
  'instance.nmi': 'nmi',
  'instance.send-key': 'send-key',
} as const;

/** What is posted to the node as an act. */
export const beginAct =
  (kind: keyof typeof actVerbs) =>
  async (
    asking: Asking,
    instance: Instance,
    body: InstanceActionBody & Partial<InstanceKeyPresses>,
  ): Promise<BegunAction> => {
    const guest = await bindingOf(asking, instance);
    for (const press of body.keys ?? []) keyCodes(press);
    refuseWait(kind, body.until);
    const state = instance.status.state;
    const input = { force: body.force ?? false, bootBefore: bootOf(guest) };
    const what = { kind, steps: rebootStepsUntil(body.until), input, state } as const;
    const { draft, operation, marked } = await begin(asking, instance, what, body);
    const verb = kind === 'instance.reboot' && input.force ? 'reset' : actVerbs[kind];
    draft.add(
      newObject(asking.app.env, 'act', {
        name: `${kind} ${instance.name}`,
        spec: {
          node: guest.spec.node,
          operation: operation.id as Act['spec']['operation'],
          step: rebootSteps.act,
          attempt: 1,
          deadline: operation.spec.deadline,
          action: {
            kind: `guest.${verb}`,
            instance: guest.spec.instance,
            epoch: guest.spec.epoch,
            ...(body.keys ? { keys: body.keys } : {}),
          },
        },
        status: { state: 'posted' },
      }),
    );
    draft.put(marked).relyOn(guest);
    return { draft, operation, plan: [`${verb} instance ${instance.name}`] };
  };

/** Only what makes the guest boot has signs of life to wait for. */
function refuseWait(kind: keyof typeof actVerbs, until: InstanceActionBody['until']): void {
  const boots = kind === 'instance.reboot' || kind === 'instance.reset';
  if (boots || until === undefined || (until === 'running' && kind === 'instance.resume')) return;
  throw err('not_supported', {
    what: `waiting for ${until} after ${kind.replace('instance.', '')}`,
    instead: 'The guest does not boot anew: leave --until out.',
  });
}

/** The tombstones are written by the operation's first move. */
export async function beginDelete(
  asking: Asking,
  instance: Instance,
  query: Query<'deleteInstance'>,
): Promise<BegunAction> {
  const { name } = instance;
  if (instance.spec.protected) throw err('protected', { kind: 'instance', name });
  const { items: disks } = await asking.app.store.list('disk', { owner: instance.id });
  const what = {
    kind: 'instance.delete',
    steps: waiting(deleteSteps),
    input: {},
    state: 'deleting',
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, query);
  draft.put(marked);
  const plan = disks.map((disk) => `${disk.spec.ownedByInstance ? 'delete' : 'keep'} disk ${disk.name}`);
  const others = (instance.spec.adopted?.disks ?? []).map(
    ({ source }) => `keep ${source ?? 'the empty drive'}`,
  );
  return {
    draft,
    operation,
    plan: [`remove the guest ${name}`, ...plan, ...others, 'free its name and addresses'],
  };
}
