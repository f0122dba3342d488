/** Everything that the cluster can take away itself, through its API: each step looks first, so that it may be repeated. */
import type { Client } from '@gantry/client';
import { err, isGantryError, type LeaveWith, type Operation } from '@gantry/model';
import { follow } from '../../operations/follow.ts';
import { Session } from '../../session.ts';
import { type Consent, inReach, type Losses, lossesOf, requireConsent } from './losses.ts';

interface Wishes {
  losses: Losses;
  consent: Consent;
  /** Name of this machine's node, whose agent goes last. */
  local: string;
}

/** What is refused on the way leaves no node drained that was not; what was deleted until then is gone. */
export async function emptyCluster(session: Session, client: Client, wishes: Wishes): Promise<void> {
  const drained: string[] = [];
  try {
    await drainAll(client, wishes.losses, drained);
    await deleteAll(session, client, wishes);
  } catch (error) {
    await takeBack(session, client, drained);
    throw error;
  }
}

async function deleteAll(
  session: Session,
  client: Client,
  { losses, consent, local }: Wishes,
): Promise<void> {
  await deleteInstances(new Session(session.io, session.globals, () => client), inReach(losses));
  const now = await lossesOf(client);
  requireConsent(now, consent);
  const left = inReach(now);
  if (left.length > 0)
    throw err('in_use', {
      ...{ kind: 'cluster', name: now.cluster.name },
      users: `what was made meanwhile: ${left.map(({ name }) => name).join(', ')}`,
    });
  for (const { name, state } of now.nodes) {
    if (name === local || (state !== 'ready' && state !== 'degraded')) continue;
    await client.call('removeNode', { params: { ref: name }, query: { leave: leaveWith(consent) } });
    session.note(`node ${name} takes off what it has`);
  }
}

/** What else may be there: guests that the store does not know, as after a restore. */
export const leaveWith = ({ stopGuests }: Consent): LeaveWith => (stopGuests ? 'any' : 'down');

/** Nothing new comes to any node. @param drained grows by each that took guests until now */
async function drainAll(client: Client, { nodes }: Losses, drained: string[]): Promise<void> {
  for (const { name, state, drained: already } of nodes)
    if (!already && (state === 'ready' || state === 'degraded')) {
      drained.push(name);
      await client.call('setNode', { params: { ref: name }, body: { role: 'drained' } });
    }
}

/** Those that have left meanwhile are none of it. */
async function takeBack(session: Session, client: Client, drained: readonly string[]): Promise<void> {
  const left: string[] = [];
  for (const ref of drained)
    await client.call('setNode', { params: { ref }, body: { role: 'active' } }).catch((error: unknown) => {
      if (!isGantryError(error, 'not_found')) left.push(ref);
    });
  if (left.length > 0)
    session.note(
      `Nodes that take no guests any more: until it is repeated, or gantry node undrain ${left.join(' ')}`,
    );
}

/** All at once, since they go on side by side. */
async function deleteInstances(session: Session, instances: Losses['instances']): Promise<void> {
  const begun: Operation[] = [];
  for (const one of instances) begun.push(await deletionOf(session.client, one));
  for (const operation of begun) await follow(session, operation);
}

/** The one that an earlier run began, or a new one. */
async function deletionOf(
  client: Client,
  { id, state, operation }: Losses['instances'][number],
): Promise<Operation> {
  if (state === 'deleting' && operation) return client.call('getOperation', { params: { ref: operation } });
  return (await client.call('deleteInstance', { params: { ref: id } })) as Operation;
}
