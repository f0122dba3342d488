/** What a network must be to be made: complete in itself, and apart from the others on its nodes. */
import { err, type Network, type NetworkSpec } from '@gantry/model';
import { checkSubnet, numberToIpv4, rangeOf } from '../addresses.ts';
import { checkSubnet6, overlap6 } from '../addresses6.ts';
import { bridgeOf } from '../operations/guest-spec.ts';
import type { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';

/** Bridges that agents make for one network each. */
export const BRIDGE_SPACE = 'bridge';

const refuse = (what: string, wanted: string) => err('invalid_argument', { what, wanted });

/**
 * With the gateway that mode `nat` needs: by default the first address of the subnet.
 * @throws GantryError `invalid_argument`, `not_supported`
 */
export function completeNetwork<S extends NetworkSpec>(spec: S): S {
  const { mode, subnet } = spec;
  requireParts(spec);
  if (spec.subnet6) checkSubnet6(spec.subnet6);
  if (!subnet) return spec;
  checkSubnet(subnet);
  const gateway =
    subnet.gateway ?? (mode === 'nat' ? numberToIpv4(rangeOf(subnet.cidr).first + 1) : undefined);
  return gateway ? { ...spec, subnet: { ...subnet, gateway } } : spec;
}

function requireParts({ mode, bridge, uplink, vlan, subnet, subnet6, dhcp }: NetworkSpec): void {
  if (mode === 'bridge' && bridge === undefined)
    throw refuse('a network of mode bridge without bridge', 'complete');
  if (mode === 'nat' && subnet === undefined)
    throw refuse('a network of mode nat without subnet', 'complete');
  if (mode === 'uplink' && uplink === undefined)
    throw refuse('a network of mode uplink without uplink', 'complete');
  if (mode !== 'uplink' && (uplink ?? vlan) !== undefined)
    throw refuse(`a network of mode ${mode} with uplink or VLAN`, 'of mode uplink');
  if (mode === 'uplink' && uplink === bridge)
    throw refuse(`bridge ${bridge}`, 'another name than the uplink');
  if (mode === 'nat' && subnet6)
    throw err('not_supported', {
      what: 'IPv6 behind NAT',
      instead: 'Give the IPv6 subnet to a network of mode uplink or bridge.',
    });
  if (mode === 'uplink' && dhcp)
    throw err('not_supported', {
      what: 'DHCP by the agent on a network that others use too',
      instead: 'Guests get their addresses at their making, or from a DHCP server of that network.',
    });
}

/**
 * Two networks on one node need different subnets, and those that Gantry makes different bridges and VLANs. One of
 * the same name is itself: when it is made, that name is refused.
 * Returns the number of the decision, for `claimSegment`.
 * @throws GantryError `invalid_argument`
 */
export async function requireApart(store: Store, name: string, spec: NetworkSpec): Promise<number> {
  const number = await segmentNumber(store);
  for (const other of (await store.list('network')).items) {
    const what = other.name === name ? undefined : clash(spec, other);
    if (what) throw refuse(what, `apart from that of network ${other.name}`);
  }
  return number;
}

/** Read before the networks are looked at. */
export const segmentNumber = (store: Store): Promise<number> => store.counter(SEGMENTS);

/** Of two decisions about networks made at the same time, one is made again. */
export function claimSegment(draft: Draft, number: number): Draft {
  draft.batch.counters.push({ name: SEGMENTS, from: number, to: number + 1 });
  return draft;
}
const SEGMENTS = 'networks';

/** What of them is the same where only one can have it. */
function clash(spec: NetworkSpec, other: Network): string | undefined {
  const { mode, bridge, uplink, vlan, subnet } = spec;
  if (mode === 'bridge' && other.spec.mode === 'bridge') return undefined;
  if (bridge !== undefined && bridge === bridgeOf(other)) return `bridge ${bridge}`;
  if (!shareNodes(spec, other.spec)) return undefined;
  if (uplink !== undefined && uplink === other.spec.uplink && vlan === other.spec.vlan)
    return vlan === undefined ? `uplink ${uplink}` : `VLAN ${vlan} of uplink ${uplink}`;
  if (!needsOwnSubnet(spec, other.spec)) return undefined;
  const { subnet6 } = spec;
  if (subnet6 && other.spec.subnet6 && overlap6(subnet6.cidr, other.spec.subnet6.cidr))
    return `subnet ${subnet6.cidr}`;
  if (!subnet || !other.spec.subnet) return undefined;
  const [mine, theirs] = [rangeOf(subnet.cidr), rangeOf(other.spec.subnet.cidr)];
  return mine.first <= theirs.last && theirs.first <= mine.last ? `subnet ${subnet.cidr}` : undefined;
}

/** Existing bridges are the operator’s: with a NAT network beside them they may well have the same addresses. */
const needsOwnSubnet = (one: NetworkSpec, other: NetworkSpec): boolean =>
  one.mode !== 'bridge' && other.mode !== 'bridge';

const shareNodes = ({ groups: mine }: NetworkSpec, { groups: theirs }: NetworkSpec): boolean =>
  mine === undefined || theirs === undefined || mine.some((group) => theirs.includes(group));
