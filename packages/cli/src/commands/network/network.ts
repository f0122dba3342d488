/** A network for people. */
import type { Network } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { entries } from '../../output/describe.ts';

const rangeText = (subnet: { poolStart?: string; poolEnd?: string } | undefined): string | undefined =>
  subnet?.poolStart && subnet.poolEnd ? `${subnet.poolStart}-${subnet.poolEnd}` : undefined;
const poolOf = ({ spec }: Network): string | undefined => rangeText(spec.subnet);

export const networkColumns: readonly Column<Network>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'mode', value: (row) => row.spec.mode },
  { name: 'bridge', value: (row) => row.spec.bridge },
  { name: 'vlan', value: (row) => row.spec.vlan },
  { name: 'uplink', value: (row) => row.spec.uplink, wide: true },
  { name: 'subnet', value: (row) => row.spec.subnet?.cidr },
  { name: 'subnet6', value: (row) => row.spec.subnet6?.cidr, wide: true },
  { name: 'gateway', value: (row) => row.spec.subnet?.gateway },
  { name: 'pool', value: poolOf, wide: true },
  { name: 'id', value: (row) => row.id, wide: true },
];

/** @param groups names, where they are known */
export const describeNetwork = (
  network: Network,
  groups: readonly string[] = network.spec.groups ?? [],
): string => {
  const { name, id, spec, createdAt } = network;
  return entries([
    ['name', name],
    ['id', id],
    ['mode', spec.mode],
    ['bridge', spec.bridge],
    ['uplink', spec.uplink],
    ['vlan', spec.vlan],
    ['groups', spec.groups === undefined ? 'all' : groups.join(' ')],
    ['mtu', spec.mtu],
    ['subnet', spec.subnet?.cidr],
    ['gateway', spec.subnet?.gateway],
    ['pool', poolOf(network)],
    ['subnet6', spec.subnet6?.cidr],
    ['gateway6', spec.subnet6?.gateway],
    ['pool6', rangeText(spec.subnet6)],
    ['dns', [...(spec.subnet?.dns ?? []), ...(spec.subnet6?.dns ?? [])].join(' ')],
    ['reserved', [...(spec.subnet?.reserved ?? []), ...(spec.subnet6?.reserved ?? [])].join(' ')],
    ['dhcp', spec.dhcp === undefined ? undefined : spec.dhcp ? 'yes' : 'no'],
    ['created', createdAt],
  ]);
};
