/** Everything that the cluster can take away itself, through its API: each step looks first, so that it may be repeated. */
import type { Client } from '@gantry/client';
import { err, type LeaveWith, type Operation } from '@gantry/model';
import { follow } from '../../operations/follow.ts';
import { Session } from '../../session.ts';
import { type Consent, inReach, type Losses, lossesOf, requireConsent } from './losses.ts';

/** @param local name of this machine's node, whose agent goes last */
export async function emptyCluster(
  session: Session,
  client: Client,
  { losses, consent, local }: { losses: Losses; consent: Consent; local: string },
): Promise<void> {
  await drainAll(client, losses);
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

/** Nothing new comes to any node. */
async function drainAll(client: Client, { nodes }: Losses): Promise<void> {
  for (const { name, state } of nodes)
    if (state === 'ready' || state === 'degraded')
      await client.call('setNode', { params: { ref: name }, body: { role: 'drained' } });
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
