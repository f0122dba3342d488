/**
 * Guests that are held since a backup was restored are let go one by one, as what they are: what runs is wanted to run,
 * what does not is wanted to be stopped, and its user starts it. One that does not run where it is bound is let go only
 * when every node has told that it does not run there either; a node that is switched off for good is taken out by
 * `gantry node offline`, which says so.
 */
import { type Guest, operationEnded } from '@gantry/model';
import type { App } from '../api/call.ts';
import { type Env, nowOf } from '../env.ts';
import { isBinding } from '../operations/binding.ts';
import { isCurrent } from '../operations/view.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import { lookAtAll } from '../verify/looks.ts';
import type { Task } from './task.ts';

/** Nodes report every 10 s; none of these reports need change anything in the store. */
const AGAIN_MS = 5000;

export function settleRestored(app: Pick<App, 'store' | 'env' | 'tunnels'>): Task {
  const { store, env } = app;
  let waiting: string[] = [];
  return {
    name: 'settle-restored',
    periodMs: 60_000,
    wants: ({ changes }) =>
      waiting.length > 0 && changes.some(({ meta }) => meta.kind === 'guest' || meta.kind === 'node'),
    alarmMs: () => (waiting.length > 0 ? env.clock.now() + AGAIN_MS : Number.POSITIVE_INFINITY),
    async run(signal) {
      const held = (await store.list('guest')).items.filter(({ spec }) => spec.held);
      const down = held.some((guest) => isTold(guest) && !runs(guest));
      const domains = down ? await domainsOf(app, signal) : undefined;
      const left: string[] = [];
      for (const guest of held)
        if (!mayGo(guest, domains) || !(await letGo(store, env, guest))) left.push(guest.name);
      waiting = left;
    },
    status: () => ({ waiting }),
  };
}

const runs = ({ status }: Guest): boolean => status.state === 'running' || status.state === 'paused';

/** Its node has told of it since the restore. */
const isTold = (guest: Guest): boolean => isCurrent(guest) && guest.status.state !== 'unknown';

/** @param domains instances with a domain, by node; undefined while some node cannot tell */
function mayGo(guest: Guest, domains: ReadonlyMap<string, ReadonlySet<string>> | undefined): boolean {
  if (!isTold(guest)) return false;
  if (runs(guest)) return true;
  const { node: home, instance } = guest.spec;
  return domains !== undefined && ![...domains].some(([node, there]) => node !== home && there.has(instance));
}

/** Asked of the nodes themselves: what they reported may be from before they heard of the restore. */
async function domainsOf(
  app: Pick<App, 'store' | 'env' | 'tunnels'>,
  signal: AbortSignal,
): Promise<Map<string, Set<string>> | undefined> {
  const nodes = (await app.store.list('node')).items.filter(({ spec }) => spec.role !== 'offline');
  const looks = await lookAtAll(app, nodes, signal);
  if (nodes.some(({ id }) => !looks.get(id)?.look.libvirt)) return undefined;
  return new Map(
    [...looks].map(([node, { look }]) => [
      node,
      new Set(look.domains.flatMap(({ ours }) => (ours ? [ours.instance] : []))),
    ]),
  );
}

/** False where somebody was quicker. */
async function letGo(store: Store, env: Env, guest: Guest): Promise<boolean> {
  const instance = await store.get('instance', guest.spec.instance);
  // The far end of a move that was under way then: it goes with its instance, and is nobody's to start.
  if (instance && !isBinding(guest, instance)) return false;
  const asked = await isAskedFor(store, instance?.status.operation);
  const power = asked ? guest.spec.power : runs(guest) ? 'running' : 'stopped';
  const { held: _over, ...spec } = { ...guest.spec, power };
  const draft = new Draft(env.clock.now()).put({ ...withSpec(guest, {}), spec });
  if (instance) draft.put(withSpec(instance, { power }));
  const { id, name } = instance ?? guest;
  const after = power === 'stopped' ? ' and stays down until somebody starts it' : '';
  draft.batch.events.push({
    ...{ at: nowOf(env), type: 'instance.settled', level: 'info', actor: 'restore' },
    subject: { kind: 'instance', id, name },
    message: `${name} was found ${guest.status.state} after the restore${after}`,
  });
  try {
    await store.commit(draft.batch);
    return true;
  } catch (error) {
    if (error instanceof Conflict) return false;
    throw error;
  }
}

/** What its user wanted since then holds. */
async function isAskedFor(store: Store, id: string | undefined): Promise<boolean> {
  const operation = id === undefined ? undefined : await store.get('operation', id);
  return operation !== undefined && !operationEnded(operation.status.state);
}
