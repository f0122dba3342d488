/** A resize that its node has no room for: which other node has, so that it may be moved there first. */
import {
  type Cluster,
  err,
  type GantryError,
  type Guest,
  type GuestInput,
  type Instance,
  type Node,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { chooseNode } from '../placement/choose-node.ts';
import { moveWish } from '../placement/move-wish.ts';
import { requireMovable } from './begin-move.ts';

interface Wish {
  /** As it is, and as it shall be. */
  before: Instance;
  after: Instance;
  guest: Guest;
  /** Of what it shall be. */
  input: GuestInput;
  cluster: Cluster;
}

/** The refusal, with the way by another node where there is one. */
export async function withOtherNode(asking: Asking, wish: Wish, refusal: GantryError): Promise<GantryError> {
  const to = await roomyNode(asking, wish).catch(() => undefined);
  if (!to) return refusal;
  const { params } = refusal;
  const way = `\`gantry instance move ${wish.before.name} --to ${to.name} --stop\` first`;
  const waysOut = `${params['waysOut']} Or on ${to.name}, which has room for it: ${way}, then resize it there.`;
  return err('cannot_grow', { ...params, waysOut }, refusal);
}

/** @throws where it cannot move, or none has room */
async function roomyNode(
  { app }: Asking,
  { before, after, guest, input, cluster }: Wish,
): Promise<Node | undefined> {
  const from = await app.store.get('node', guest.spec.node);
  if (!from) return undefined;
  requireMovable(before, guest, from, { stop: true });
  const wanted = await moveWish(app.store, after, input);
  const choice = await chooseNode(
    app.mirror,
    cluster,
    wanted,
    app.env.clock.now(),
    ({ node }) => node.id !== from.id && node.spec.group === from.spec.group,
  );
  return choice.node;
}
