/** Where a clone goes: beside its source, where nothing goes over the wire, unless it does not fit there. */
import { checkCombination } from '@gantry/guest';
import {
  type CloneInstance,
  type Cluster,
  type Disk,
  err,
  type Instance,
  type Network,
  type Node,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { withMoves } from '../balancing/ways-by-moving.ts';
import type { Candidate } from '../placement/capacity.ts';
import { type Choice, chooseNode } from '../placement/choose-node.ts';
import { portTest } from '../placement/move-wish.ts';
import { networkTest } from '../placement/networks-there.ts';
import { NoPlace } from '../placement/no-place.ts';
import { peerOf } from '../placement/records.ts';
import type { Sayable } from '../placement/wanted.ts';
import type { Newborn } from './begin-create.ts';
import type { Manner } from './clone-parts.ts';
import { guestInput, readAncestry } from './guest-spec.ts';

interface Place {
  cluster: Cluster;
  networks: Network[];
  disks: Disk[];
  /** Id: its disks are read where they are. */
  source: string;
  /** Of the source. */
  from: Node;
  body: CloneInstance;
  manner: Manner;
}

/** @throws NoPlace, GantryError `not_supported` where QEMU would have to copy to another node */
export async function placeClone(
  asking: Asking,
  newborn: Newborn & Partial<Pick<Instance, 'labels'>>,
  { cluster, networks, disks, source, from, body, manner }: Place,
): Promise<Choice> {
  const { store, mirror, env } = asking.app;
  const input = guestInput(newborn, await readAncestry(store, newborn, undefined, disks));
  checkCombination(input);
  const named = body.node === undefined ? undefined : await resolve(asking, 'node', body.node);
  if (manner.live && named && named.id !== from.id)
    throw err('not_supported', {
      what: `copying a running guest to another node than its own (${from.name})`,
      instead: 'Clone it with --stop, or on its own node, and move the clone afterwards.',
    });
  const against = ({ node }: Candidate) => (node.id === from.id ? [] : portTest({ node }));
  const networksAt = await networkTest(store, networks);
  const sayable: readonly Sayable[] = manner.live ? [] : ['node'];
  const wanted = { newcomer: peerOf(newborn), input, networks, networksAt, against, sayable };
  const among = ({ node }: Candidate) => node.spec.group === from.spec.group || node.id === named?.id;
  const choose = (only: Node | undefined) =>
    chooseNode(mirror, cluster, { ...wanted, only: only?.id }, env.clock.now(), among);
  const only = manner.live ? from : named;
  try {
    return await choose(only ?? from).catch((error: unknown) => {
      if (error instanceof NoPlace && !only) return choose(undefined);
      throw error;
    });
  } catch (error) {
    if (!(error instanceof NoPlace)) throw error;
    throw await withMoves(asking, { ...wanted, only: only?.id }, error, { among, stays: source });
  }
}
