/** `network set`: the spec as it becomes, and who would lose the network by it. */
import {
  err,
  type GroupId,
  type Network,
  type NetworkSpec,
  type SetNetwork,
  type Subnet,
  type Subnet6,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { requireUnused } from '../api/named.ts';
import type { Kinds } from '../kinds.ts';
import { isConnected } from '../operations/attachments.ts';
import type { Store } from '../store/store.ts';

/** By name or id. @throws GantryError `not_found` */
export async function groupsOf(asking: Asking, refs: readonly string[] = []): Promise<Kinds['group'][]> {
  const groups: Kinds['group'][] = [];
  for (const ref of new Set(refs)) groups.push(await resolve(asking, 'group', ref));
  return [...new Map(groups.map((group) => [group.id, group])).values()];
}

/** None: the network is on the nodes of all groups. */
export const idsOf = (groups: readonly Kinds['group'][]): Pick<NetworkSpec, 'groups'> =>
  groups.length > 0 ? { groups: groups.map(({ id }) => id as GroupId) } : {};

/** @throws GantryError `invalid_argument` */
export function changedSpec(
  before: NetworkSpec,
  { uplink, vlan, mtu, groups, subnet, subnet6 }: SetNetwork,
  asked: readonly Kinds['group'][],
): NetworkSpec {
  const { groups: connected, ...rest } = before;
  return withoutNulls({
    ...rest,
    ...(groups ? idsOf(asked) : { ...(connected ? { groups: connected } : {}) }),
    ...(uplink ? { uplink } : {}),
    ...(vlan === undefined ? {} : { vlan }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(subnet ? { subnet: changedSubnet(before.subnet, subnet) } : {}),
    ...(subnet6 ? { subnet6: changedSubnet(before.subnet6, subnet6) } : {}),
  }) as NetworkSpec;
}

function changedSubnet<S extends Subnet | Subnet6>(before: S | undefined, changes: object): S {
  if (!before)
    throw err('invalid_argument', {
      what: 'addresses for a network without such a subnet',
      wanted: 'of a network made with one',
    });
  return withoutNulls({ ...before, ...changes }) as S;
}

const withoutNulls = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null));

/** @throws GantryError `in_use` naming instances on nodes whose group the network leaves */
export async function requireNotCutOff(store: Store, network: Network): Promise<void> {
  const users: { name: string }[] = [];
  for (const instance of (await store.list('instance')).items) {
    if (!instance.spec.nics.some((nic) => nic.network === network.id)) continue;
    const node = instance.status.node && (await store.get('node', instance.status.node));
    if (node && !isConnected(network, node.spec.group)) users.push(instance);
  }
  requireUnused(network, users);
}
