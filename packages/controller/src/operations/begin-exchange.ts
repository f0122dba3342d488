/** reinstall, rescue and unrescue: what each writes when it begins. */
import { checkCombination } from '@gantry/guest';
import {
  type Disk,
  type DiskId,
  err,
  type Guest,
  type GuestSpec,
  type Instance,
  type InstanceActionBody,
  type InstanceSpec,
  type Network,
  type OperationKind,
  type ReinstallInstance,
  type RescueInstance,
  type Step,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { withSpec } from '../store/batch.ts';
import { type BegunAction, begin, bindingOf, requireStillFits, withTimes } from './begin-actions.ts';
import { newReplicas } from './create-parts.ts';
import {
  bootOf,
  contentOf,
  newDisk,
  ownDisks,
  rescueBytes,
  sourceLines,
  sourcesOf,
} from './exchange-disks.ts';
import { type Ancestry, guestInput, hasCloudInit, readAncestry } from './guest-spec.ts';
import { type Exchange, exchangeSteps } from './instance-exchange.ts';
import { rescueDrive } from './rescue-drive.ts';
import { stepsUntil } from './waits.ts';

interface Wish {
  kind: OperationKind & ('instance.reinstall' | 'instance.rescue' | 'instance.unrescue');
  /** Afterwards. */
  instance: Exchange['instance'];
  power: Exchange['power'];
  made?: Disk;
  name?: string;
  role?: 'rescue';
  drop?: string;
  body: { until?: InstanceActionBody['until']; deadlineMs?: number; reason?: string };
  plan: string[];
}

export async function beginReinstall(
  asking: Asking,
  instance: Instance,
  body: ReinstallInstance,
): Promise<BegunAction> {
  const { name, spec } = instance;
  if (spec.protected) throw err('protected', { kind: 'instance', name });
  const guest = await bindingOf(asking, instance);
  if (isUp(instance) && !body.stop)
    throw err('stop_first', {
      what: 'the content',
      name,
      why: 'its first disk is made anew (--stop does it)',
    });
  const old = (await ownDisks(asking, instance))[0];
  if (!old?.spec.ownedByInstance)
    throw err('invalid_argument', {
      what: `reinstalling ${name}`,
      wanted: 'possible: its first disk was not made with it',
    });
  const sources = await sourcesOf(asking, instance, body, old);
  const made = newDisk(asking, instance, `${old.name}.new`, {
    ...sources,
    index: old.spec.index,
    template: old.spec.template,
    sizeBytes: old.spec.sizeBytes,
  });
  const disks = spec.disks.map((id) => (id === old.id ? (made.id as DiskId) : id));
  const of = await variablesOf(asking, instance, guest, body, made);
  const named = body.image !== undefined || body.os !== undefined;
  const boot = named ? bootOf(sources) : spec.boot;
  return beginExchange(asking, instance, guest, {
    kind: 'instance.reinstall',
    instance: { disks, boot, ...contentOf(sources), ...(of ? { variablesOf: of } : {}) },
    power: spec.power,
    made,
    name: old.name,
    drop: old.id,
    body,
    plan: [
      `make disk ${old.name} anew: its content is lost`,
      ...sourceLines(sources),
      ...(of === made.id ? ['give up its UEFI variables, if it has any'] : []),
    ],
  });
}

/** They name what boots, and whom to trust, of the system that goes. An older agent leaves them as they are. */
async function variablesOf(
  { app }: Asking,
  { spec }: Instance,
  guest: Guest,
  { keepVariables }: ReinstallInstance,
  made: Disk,
): Promise<DiskId | undefined> {
  const node = await app.store.get('node', guest.spec.node);
  const can = node?.status.facts?.capabilities.includes('guest:variables');
  return keepVariables || !can ? spec.variablesOf : (made.id as DiskId);
}

export async function beginRescue(
  asking: Asking,
  instance: Instance,
  body: RescueInstance,
): Promise<BegunAction> {
  const { name, spec } = instance;
  const guest = await bindingOf(asking, instance);
  const own = await ownDisks(asking, instance);
  const sources = await sourcesOf(asking, instance, body, undefined, 'as-disks');
  const drive = await rescueDrive(asking, guest.spec.node, sources);
  const made = newDisk(asking, instance, `${name}:rescue`, {
    ...sources,
    index: 0,
    template: 'file-qcow2',
    sizeBytes: rescueBytes(sources, own[0]),
  });
  const { image, os } = contentOf(sources);
  const rescue: InstanceSpec['rescue'] = {
    disk: made.id as DiskId,
    boot: bootOf(sources),
    ...(image ? { image } : {}),
    ...(os ? { os } : {}),
    cloudInit: hasCloudInit(sources.image),
    ...(drive ? { drive } : {}),
    power: spec.power,
  };
  const where = drive ? 'behind its own disks' : 'with its own disks behind it';
  return beginExchange(asking, instance, guest, {
    kind: 'instance.rescue',
    instance: { ...sameAs(spec), rescue },
    power: 'running',
    made,
    name: made.name,
    role: 'rescue',
    body,
    plan: [`boot instance ${name} from a rescue disk, ${where}`, ...sourceLines(sources)],
  });
}

export async function beginUnrescue(
  asking: Asking,
  instance: Instance,
  body: InstanceActionBody,
): Promise<BegunAction> {
  const { name, spec } = instance;
  if (!spec.rescue) throw err('not_in_rescue', { name });
  const { rescue, ...before } = spec;
  return beginExchange(asking, instance, await bindingOf(asking, instance), {
    kind: 'instance.unrescue',
    instance: sameAs(before),
    power: rescue.power,
    drop: rescue.disk,
    body,
    plan: [`end the rescue of instance ${name}`, 'delete its rescue disk'],
  });
}

/** All that an exchange may change, as it is. */
function sameAs({
  disks,
  image,
  imageProperties,
  os,
  boot,
  variablesOf: of,
}: InstanceSpec): Exchange['instance'] {
  return {
    disks,
    boot,
    ...(image ? { image } : {}),
    ...(imageProperties ? { imageProperties } : {}),
    ...(os ? { os } : {}),
    ...(of ? { variablesOf: of } : {}),
  };
}

async function beginExchange(
  asking: Asking,
  instance: Instance,
  guest: Guest,
  wish: Wish,
): Promise<BegunAction> {
  const { made, drop, power, body } = wish;
  const up = isUp(instance);
  const after = { ...instance, spec: { ...bare(instance.spec), ...wish.instance } };
  const ancestry = await ancestryAfter(asking, after, guest, wish);
  const input = guestInput(after, ancestry);
  checkCombination(input);
  await requireStillFits(asking, guest, input);
  const what: Exchange = {
    ...(made
      ? { made: { id: made.id, name: wish.name ?? made.name, ...(wish.role ? { role: wish.role } : {}) } }
      : {}),
    ...(drop ? { drop } : {}),
    instance: wish.instance,
    guest: input,
    before: instance.spec.power,
    power,
  };
  const steps = stepsOf(wish, up);
  const { draft, operation, marked } = await begin(
    asking,
    instance,
    {
      id: made?.spec.createdBy,
      kind: wish.kind,
      steps,
      input: what,
      state: up ? 'stopping' : instance.status.state,
    },
    body,
  );
  const logTo = operation.id as NonNullable<GuestSpec['operation']>;
  draft.put(withSpec(guest, { power: 'stopped', force: false, operation: logTo }));
  draft.put(withSpec(withTimes(marked, nowOf(asking.app.env)), { power: 'stopped' }));
  if (made) {
    draft.add(made);
    const { cluster, networks } = ancestry;
    const node = guest.spec.node;
    const reinstall = wish.kind === 'instance.reinstall';
    const parts = { instance, cluster, disks: [made], networks, node, operation, reinstall };
    await newReplicas(asking.app, draft, parts);
  }
  const stop = up ? [`stop instance ${instance.name}`] : [];
  const start = power === 'running' ? [`start instance ${instance.name}`] : ['it stays stopped'];
  return { draft, operation, plan: [...stop, ...wish.plan, ...start] };
}

/** What is not in `exchanged`. */
function bare(whole: InstanceSpec): InstanceSpec {
  const { image: _, imageProperties: __, os: ___, rescue: ____, variablesOf: _____, ...spec } = whole;
  return spec;
}

async function ancestryAfter(
  { app }: Asking,
  after: Instance,
  guest: Guest,
  { made, drop, role }: Wish,
): Promise<Ancestry & { networks: Network[] }> {
  const { items } = await app.store.list('disk', { owner: after.id });
  const { role: _, ...rest } = made?.spec ?? {};
  const taken = made ? [{ ...made, spec: { ...rest, ...(role ? { role } : {}) } as Disk['spec'] }] : [];
  const disks = [...items.filter(({ id }) => id !== drop), ...taken];
  return readAncestry(app.store, after, guest.spec.node, disks);
}

function stepsOf({ made, drop, power, body }: Wish, up: boolean): Step[] {
  const names = [
    ...(made ? [exchangeSteps.disk] : []),
    ...(up ? [exchangeSteps.stopped] : []),
    exchangeSteps.exchanged,
  ];
  const step = (name: string): Step => ({ name, state: 'waiting' });
  return [
    ...names.map(step),
    ...(power === 'running' ? stepsUntil(body.until) : []),
    ...(drop ? [step(exchangeSteps.dropped)] : []),
  ];
}

/** There may be a QEMU. */
const isUp = ({ status }: Instance): boolean => !['stopped', 'crashed', 'failed'].includes(status.state);
