/** `gantry cluster balance`: what would be moved, and that it is. */
import { BALANCE_MIN_GAIN, err } from '@gantry/model';
import { planBalancing } from '../balancing/plan.ts';
import { type BalanceInput, balanceInput, stepsOf } from '../operations/cluster-balance.ts';
import { theCluster } from '../operations/guest-spec.ts';
import { addOperation } from '../operations/new-operation.ts';
import { Draft } from '../store/batch.ts';
import { anyEvacuation } from '../tasks/balances.ts';
import { begun, planned } from './begun.ts';
import { type App, type Handler, resolve } from './call.ts';

const DEADLINE_MS = 24 * 3_600_000;

/** Each move is looked at again when its turn comes: the plan is what it would be now. */
export const balanceCluster: Handler<'balanceCluster'> = async (call) => {
  const { env, store } = call.app;
  const { group: ref, deadlineMs = DEADLINE_MS, reason, ...wishes } = call.body;
  const group = ref === undefined ? undefined : await resolve(call, 'group', ref);
  const asked = {
    ...wishes,
    ...(group ? { group: group.id as string } : {}),
    stop: wishes.stop ?? false,
    minGain: wishes.minGain ?? BALANCE_MIN_GAIN,
  };
  const draft = new Draft(env.clock.now());
  const { plan, moves } = await planBalancing(call.app, asked);
  const target = group ?? (await theCluster(store));
  const operation = await addOperation(call.app, call.caller, draft, {
    kind: 'cluster.balance',
    of: group ? 'group' : 'cluster',
    target,
    steps: stepsOf(moves),
    input: { ...asked, plan: moves, replans: 0, plannedAt: 0 } satisfies BalanceInput,
    deadlineMs,
    reason,
  });
  // after the number was read: whoever begins something else from here on, one of the two is decided again
  await requireAlone(call.app, group);
  if (call.query.plan) return planned(call, draft, plan);
  return begun(
    call,
    { draft, operation },
    target,
    `balance ${group ? `group ${group.name}` : 'the cluster'}`,
  );
};

/** Two balancings would undo each other's plans, and one that empties a node decides where its guests go. @throws GantryError `busy` */
async function requireAlone(app: App, group: { id: string; name: string } | undefined): Promise<void> {
  const { items } = await app.store.list('operation', { states: ['running'] });
  const other = items.find((operation) => {
    if (operation.spec.kind !== 'cluster.balance') return false;
    const theirs = balanceInput(operation).group;
    return group === undefined || theirs === undefined || theirs === group.id;
  });
  const inTheWay = other ?? (await anyEvacuation(app, group?.id));
  if (!inTheWay) return;
  const { kind, name } = inTheWay.spec.target;
  throw err('busy', { kind, name, operation: inTheWay.spec.number });
}
