/** What placement is asked when an instance is to leave its node: as for a new one, and the node must take disks. */
import type { GuestInput, Instance, Network, Rejection } from '@gantry/model';
import type { Store } from '../store/store.ts';
import type { Candidate } from './capacity.ts';
import { networkTest } from './networks-there.ts';
import { peerOf } from './records.ts';
import type { Wanted } from './wanted.ts';

export async function moveWish(store: Store, instance: Instance, input: GuestInput): Promise<Wanted> {
  const networks: Network[] = [];
  for (const nic of instance.spec.nics) {
    const network = await store.get('network', nic.network);
    if (network) networks.push(network);
  }
  const leftAt = await leftovers(store, instance);
  return {
    newcomer: peerOf(instance),
    input,
    networks,
    networksAt: await networkTest(store, networks),
    against: ({ node }) => [...portTest({ node }), ...(leftAt.has(node.id) ? [left] : [])],
    only: undefined,
    sayable: [],
  };
}

const left: Rejection = {
  test: 'leftovers',
  message: 'something of an earlier move of this instance is still there',
};

/** It must take disks from other nodes. */
export const portTest = ({ node: { status } }: Pick<Candidate, 'node'>): Rejection[] =>
  status.facts?.transfer
    ? []
    : [{ test: 'transfer', message: 'its agent has no port at which it takes disks' }];

/** Nodes that have something of it: its own, and those that an earlier move has left and that have not cleared it yet. */
async function leftovers(store: Store, instance: Instance): Promise<Set<string>> {
  const guests = (await store.list('guest', { owner: instance.id })).items;
  const nodes = guests.map(({ spec }) => spec.node as string);
  for (const disk of instance.spec.disks)
    for (const { spec } of (await store.list('replica', { owner: disk })).items) nodes.push(spec.node);
  const own = instance.status.node;
  return new Set(nodes.filter((node) => node !== own));
}
