/** A copied state folder, or a cloned disk, makes a second machine with the identity of a node: it must not act for it. */
import { err, type Node } from '@gantry/model';
import type { App } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { Draft } from '../store/batch.ts';

const TELL_EVERY_MS = 60_000;
const EVENT = 'node.two-machines';

/**
 * The machine is the one that joined, and its boot is the latest that was heard of.
 * @throws GantryError `identity_taken`
 */
export async function requireSameMachine(
  app: Pick<App, 'store' | 'env'>,
  node: Node,
  { machine, boot }: { machine?: string | undefined; boot?: string | undefined },
): Promise<void> {
  const other = machine !== undefined && node.spec.machine !== undefined && machine !== node.spec.machine;
  const former = boot !== undefined && (await app.store.seen(node.id))?.formerBoots.includes(boot) === true;
  if (!other && !former) return;
  const why = other
    ? 'this machine is not the one that joined under that name'
    : 'a later boot was heard of, of this machine or of a copy';
  await tell(app, node, why);
  throw err('identity_taken', { node: node.name, why });
}

/** Once in a while: whoever is refused tries again and again. */
async function tell(
  { store, env }: Pick<App, 'store' | 'env'>,
  { id, name }: Node,
  why: string,
): Promise<void> {
  const [latest] = await store.events({ subject: id, type: EVENT }, 1);
  if (latest && env.clock.now() - Date.parse(latest.at) < TELL_EVERY_MS) return;
  const draft = new Draft(env.clock.now());
  const message = `refused to hear node ${name}: ${why}`;
  const subject = { kind: 'node', id, name };
  draft.batch.events.push({ at: nowOf(env), type: EVENT, level: 'error', subject, message });
  await store.commit(draft.batch);
}
