/**
 * Guests that are held since a backup was restored are let go one by one, as what they are: what runs is wanted to run,
 * what does not is wanted to be stopped, and its user starts it. One that does not run where it is bound is let go only
 * when every node has told that it does not run there either; a node that is switched off for good is taken out by
 * `gantry node offline`, which says so. One that was being moved is where its newest domain is: restored-ends.ts.
 */
import {
  type Guest,
  type Instance,
  type Node,
  type NodeLook,
  operationEnded,
  type Replica,
} from '@gantry/model';
import type { App } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { isBinding } from '../operations/binding.ts';
import { fitsOf } from '../operations/held-hardware.ts';
import { isCurrent } from '../operations/view.ts';
import { exchangeHardware } from '../placement/choose-node.ts';
import { Draft, withSpec, withStatus } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import { lookAtAll } from '../verify/looks.ts';
import { endOf, type Settled, settleEnds } from './restored-ends.ts';
import type { Task } from './task.ts';

/** Nodes report every 10 s; none of these reports need change anything in the store. */
const AGAIN_MS = 5000;

type Waits = Map<string, string>;

export function settleRestored(app: Pick<App, 'store' | 'env' | 'tunnels'>): Task {
  const { env } = app;
  let waiting: Waits = new Map();
  return {
    name: 'settle-restored',
    periodMs: 60_000,
    wants: ({ changes }) =>
      waiting.size > 0 && changes.some(({ meta }) => meta.kind === 'guest' || meta.kind === 'node'),
    alarmMs: () => (waiting.size > 0 ? env.clock.now() + AGAIN_MS : Number.POSITIVE_INFINITY),
    async run(signal) {
      waiting = await settleAll(app, signal);
    },
    status: () => ({ waiting: Object.fromEntries(waiting) }),
  };
}

/** @returns what is still held, with why */
async function settleAll(app: Pick<App, 'store' | 'env' | 'tunnels'>, signal: AbortSignal): Promise<Waits> {
  const { store } = app;
  const left: Waits = new Map();
  const held = (await store.list('guest')).items.filter(({ spec }) => spec.held);
  const bound: Bound[] = [];
  for (const id of new Set(held.map(({ spec }) => spec.instance))) {
    const guests = (await store.list('guest', { owner: id })).items;
    bound.push({ guests, instance: await store.get('instance', id) });
  }
  const nodes = bound.some(needsLooks) ? (await store.list('node')).items : [];
  const asked = nodes.filter(({ spec }) => spec.role !== 'offline');
  const looked = await lookAtAll(app, asked, signal);
  const looks = new Map([...looked].flatMap(([id, { look }]) => (look.libvirt ? [[id, look] as const] : [])));
  const seen: Seen = { nodes, looks, complete: asked.every(({ id }) => looks.has(id)) };
  for (const one of bound) {
    const verdict = decide(one, seen);
    const why = typeof verdict === 'string' ? verdict : await letGo(app, one, verdict);
    if (why !== undefined) left.set(one.instance?.name ?? one.guests[0]?.name ?? '', why);
  }
  return left;
}

/** An instance of which something is held. */
interface Bound {
  instance: Instance | undefined;
  guests: Guest[];
}

interface Seen {
  nodes: readonly Node[];
  /** Of those that answered, and whose libvirt did. */
  looks: ReadonlyMap<string, NodeLook>;
  /** Every node that is not switched off for good answered. */
  complete: boolean;
}

interface Verdict {
  guest: Guest;
  cleared: Guest[];
}

const runs = ({ status }: Guest): boolean => status.state === 'running' || status.state === 'paused';

/** Its node has told of it since the restore. */
const isTold = (guest: Guest): boolean => isCurrent(guest) && guest.status.state !== 'unknown';

const needsLooks = ({ guests }: Bound): boolean =>
  guests.length > 1 ? guests.some(isTold) : guests.some((guest) => isTold(guest) && !runs(guest));

/** What nodes reported may be from before they heard of the restore: so they were asked. */
function decide({ guests, instance }: Bound, seen: Seen): Verdict | string {
  const heard = guests.filter(({ spec }) => !isOffline(seen, spec.node));
  const silent = heard.find((guest) => !isTold(guest));
  const [only] = guests;
  if (!only || silent || heard.length === 0) return 'its node has not told of it';
  if (guests.length === 1 && runs(only)) return { guest: only, cleared: [] };
  const elsewhere = [...seen.looks].find(
    ([node, look]) =>
      !guests.some(({ spec }) => spec.node === node) &&
      look.domains.some(({ ours }) => ours?.instance === only.spec.instance),
  );
  if (elsewhere) return 'it has a domain on another node';
  const settled = guests.length > 1 && instance ? settleTwo(heard, { guests, instance }, seen) : only;
  if (typeof settled === 'string') return settled;
  const [guest, cleared] =
    'home' in settled ? [settled.home.guest, settled.cleared.map((end) => end.guest)] : [settled, []];
  return runs(guest) || seen.complete
    ? { guest, cleared }
    : 'not every node has told that it does not run there';
}

function settleTwo(
  heard: readonly Guest[],
  { guests, instance }: Bound & { instance: Instance },
  { looks }: Seen,
): Settled | string {
  const binding = guests.find((guest) => isBinding(guest, instance));
  if (!binding) return 'it is bound to no node';
  const ends = heard.flatMap((guest) => {
    const look = looks.get(guest.spec.node);
    return look ? [endOf(guest, look)] : [];
  });
  return ends.length < heard.length ? 'one of its two nodes does not answer' : settleEnds(ends, binding);
}

const isOffline = ({ nodes }: Seen, id: string): boolean =>
  nodes.find((node) => node.id === id)?.spec.role === 'offline';

/** @returns why it has to be done again: somebody was quicker */
async function letGo(
  { store, env }: Pick<App, 'store' | 'env'>,
  { instance }: Bound,
  { guest, cleared }: Verdict,
): Promise<string | undefined> {
  const asked = await isAskedFor(store, instance?.status.operation);
  const power = asked ? guest.spec.power : runs(guest) ? 'running' : 'stopped';
  const draft = new Draft(env.clock.now());
  const role = guest.spec.role === 'receive' ? 'run' : guest.spec.role;
  if (guest.spec.held) draft.put({ ...withSpec(guest, {}), spec: free(guest, { power, role }) });
  if (instance) {
    const { epoch } = guest.spec;
    draft.put(withSpec(withStatus(instance, { epoch }), guest.spec.held ? { power } : {}));
  }
  for (const other of cleared) await clear(store, draft, other);
  const { id, name } = instance ?? guest;
  const after = power === 'stopped' ? ' and stays down until somebody starts it' : '';
  const left = cleared.length > 0 ? '; what its move left on the other node is removed' : '';
  draft.batch.events.push({
    ...{ at: nowOf(env), type: 'instance.settled', level: 'info', actor: 'restore' },
    subject: { kind: 'instance', id, name },
    message: `${name} was found ${guest.status.state} after the restore${after}${left}`,
  });
  try {
    await store.commit(draft.batch);
    return undefined;
  } catch (error) {
    if (error instanceof Conflict) return 'it was changed meanwhile';
    throw error;
  }
}

const free = ({ spec }: Guest, change: Partial<Guest['spec']>): Guest['spec'] => {
  const { held: _over, ...rest } = spec;
  return { ...rest, ...change };
};

/** The end of the move that the instance is not at: what lies there goes by tombstone, and its claims. */
async function clear(store: Store, draft: Draft, guest: Guest): Promise<void> {
  const spec = free(guest, { remove: true, power: 'stopped', force: true });
  draft.put({ ...withSpec(guest, {}), spec });
  exchangeHardware(draft, fitsOf(guest.spec), [], guest.spec.instance);
  for (const { id } of guest.spec.input.disks)
    for (const replica of (await store.list('replica', { owner: id })).items)
      if (replica.spec.what === 'disk' && replica.spec.node === guest.spec.node)
        draft.put(withSpec(replica, { desired: 'absent' }) as Replica);
}

/** What its user wanted since then holds. */
async function isAskedFor(store: Store, id: string | undefined): Promise<boolean> {
  const operation = id === undefined ? undefined : await store.get('operation', id);
  return operation !== undefined && !operationEnded(operation.status.state);
}
