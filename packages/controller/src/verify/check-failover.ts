/**
 * N+1: should one node die, is there memory on the others of its group for its guests. Reckoned is memory alone, with
 * QEMU’s own and what each node keeps for itself: disks of a node are on no other, so that guests come back elsewhere
 * only from a backup, or with disks that are not the node’s. Guests that may be started count, those that are down, too.
 */
import { formatBytes, type Guest, type Instance, type Node } from '@gantry/model';
import { freeMemoryMiB } from '@gantry/placement';
import { capacityOf } from '../placement/capacity.ts';
import { hostPolicyOf } from '../placement/host-policy.ts';
import { NodeLoads } from '../placement/node-loads.ts';
import { recordOf, takenBy } from '../placement/records.ts';
import { about, type Check, type Facts, type Found } from './facts.ts';

export const failover: Check = (facts) => {
  const loads = new NodeLoads();
  for (const guest of facts.guests) if (!guest.spec.remove) loads.set(guest.id, recordOf(guest));
  const free = (node: Node): number => {
    const group = facts.groups.find(({ id }) => id === node.spec.group);
    const host = hostPolicyOf(facts.cluster, group, node);
    return freeMemoryMiB(capacityOf(node, loads.of(node.id), undefined, host));
  };
  return facts.groups.flatMap(({ id, name }) => {
    const members = facts.nodes.filter(({ spec }) => spec.group === id && spec.role !== 'offline');
    if (members.length < 2) return [];
    const rooms = members.map((node) => ({ node, freeMiB: free(node) }));
    return members.flatMap((node) => withoutIt(facts, node, rooms, name));
  });
};

interface Room {
  node: Node;
  freeMiB: number;
}

function withoutIt(facts: Facts, node: Node, rooms: readonly Room[], group: string): Found[] {
  const others = rooms.filter((room) => room.node.id !== node.id && takesGuests(room.node));
  const homeless = unplaced(leaving(facts, node), others);
  if (homeless.length === 0) return [];
  const freeMiB = others.reduce((sum, room) => sum + room.freeMiB, 0);
  const largestMiB = Math.max(0, ...others.map((room) => room.freeMiB));
  const needMiB = homeless.reduce((sum, guest) => sum + guest.memoryMiB, 0);
  const where = `the ${others.length === 1 ? 'other node' : `${others.length} other nodes`} of group ${group}`;
  return [
    about(
      'warning',
      node,
      `should it die, ${homeless.length} of its guests (${shortly(homeless)}; ${bytes(needMiB)}) find no memory on ${where}: ${bytes(freeMiB)} free in all, ${bytes(largestMiB)} on one node. Memory alone is reckoned, and as if their disks were there`,
      `Stop or delete guests, or add memory or a node to group ${group}; \`gantry cluster balance --plan\` shows whether moving some would do.`,
    ),
  ];
}

const takesGuests = ({ spec, status }: Node): boolean => spec.role === 'active' && status.state === 'ready';

interface Leaving {
  instance: Instance;
  memoryMiB: number;
}

/** The largest first. */
const leaving = ({ guests, instances }: Facts, { id }: Node): Leaving[] =>
  guests
    .flatMap((guest: Guest) => {
      const instance = instances.find((one) => one.id === guest.spec.instance);
      if (guest.spec.node !== id || guest.spec.remove || !instance) return [];
      return [{ instance, memoryMiB: takenBy(guest).memoryMiB }];
    })
    .toSorted((a, b) => b.memoryMiB - a.memoryMiB || (a.instance.name < b.instance.name ? -1 : 1));

/** Each goes where it leaves the least: so that large ones find room as long as there is some. */
function unplaced(guests: readonly Leaving[], rooms: readonly Room[]): Leaving[] {
  const left = rooms.map(({ freeMiB }) => freeMiB);
  return guests.filter(({ memoryMiB }) => {
    const best = left.reduce(
      (found, freeMiB, index) =>
        freeMiB >= memoryMiB && freeMiB < (left[found] ?? Number.POSITIVE_INFINITY) ? index : found,
      -1,
    );
    if (best < 0) return true;
    left[best] = (left[best] ?? 0) - memoryMiB;
    return false;
  });
}

const MOST = 4;

const shortly = (guests: readonly Leaving[]): string => {
  const names = guests.map(({ instance }) => instance.name);
  return names.length <= MOST
    ? names.join(', ')
    : `${names.slice(0, MOST).join(', ')} and ${names.length - MOST} more`;
};

const bytes = (mib: number): string => formatBytes(mib * 2 ** 20);
