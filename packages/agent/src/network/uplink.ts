/**
 * A network on an uplink: a bridge of ours whose one port outside is the uplink itself, or a VLAN device of ours on it.
 * The uplink stays the operator's: it is put up and, without a VLAN, made a port, nothing else of it is changed. What
 * would cost it its addresses, or take what another uses, is an obstacle and is refused before anything is done.
 */
import { type AttachmentSpec, err } from '@gantry/model';
import type { Run } from '../process/run.ts';
import { bareBridgeFaults, ensureBareBridge, foreign, isOurs } from './bridge.ts';
import { ensureNoIpv6 } from './forwarding.ts';
import type { Link } from './links.ts';
import { bridgeVlanObstacle, ensureHeard, isDeafTo, removeVlanDevice } from './vlan-aware.ts';
import { aliasOf, checkInterface, checkNetworkId, macOf } from './wanted.ts';

export interface UplinkNetwork {
  network: string;
  bridge: string;
  alias: string;
  /** Of the bridge, and of the VLAN device: marks both as ours before they have their alias. */
  mac: string;
  mtu: number;
  uplink: string;
  vlan?: number;
  /** The port of the bridge: the uplink, or the VLAN device on it. */
  port: string;
}

const DEFAULT_MTU = 1500;
/** IFNAMSIZ without its NUL. */
const MAX_NAME = 15;

/** @throws GantryError `invalid_argument` */
export function uplinkNetwork(cluster: string, spec: AttachmentSpec): UplinkNetwork {
  const network = checkNetworkId(spec.network);
  const uplink = checkInterface(spec.uplink ?? '');
  const { vlan, mtu = DEFAULT_MTU } = spec;
  if (vlan !== undefined && !(Number.isInteger(vlan) && vlan >= 1 && vlan <= 4094))
    throw err('invalid_argument', { what: `VLAN ${vlan}`, wanted: '1 to 4094' });
  if (!Number.isInteger(mtu) || mtu < 576 || mtu > 9216)
    throw err('invalid_argument', { what: `mtu ${mtu}`, wanted: '576 to 9216' });
  return {
    network,
    bridge: checkInterface(spec.bridge),
    alias: aliasOf(cluster, network),
    mac: macOf(cluster, network),
    mtu,
    uplink,
    ...(vlan === undefined ? { port: uplink } : { vlan, port: vlanDevice(uplink, vlan, network) }),
  };
}

/** As people name it (`bond0.100`), where that fits. */
function vlanDevice(uplink: string, vlan: number, network: string): string {
  const name = `${uplink}.${vlan}`;
  return name.length <= MAX_NAME ? name : `vl${vlan}-${network.slice(0, 8)}`;
}

const isOurVlan = (link: Link, { alias, mac }: Pick<UplinkNetwork, 'alias' | 'mac'>): boolean =>
  link.kind === 'vlan' && (link.alias === alias || (link.alias === undefined && link.mac === mac));

type Links = ReadonlyMap<string, Link>;

/** Why it cannot be made here; undefined: it can. `remedy` is for the operator. */
export function obstacleOf(wanted: UplinkNetwork, all: Links): { why: string; remedy: string } | undefined {
  const { uplink, bridge, mtu } = wanted;
  const link = all.get(uplink);
  const present = all.get(bridge);
  if (!link || uplink === 'lo')
    return {
      why: `there is no interface ${uplink} on the node`,
      remedy:
        'Name the uplink as `ip link` on the node does: `gantry network set NETWORK --uplink INTERFACE`.',
    };
  if (present && !isOurs(present, wanted))
    return {
      why: foreign(present),
      remedy: 'Give the network another bridge name, or use that one with mode bridge.',
    };
  if (link.mtu < mtu)
    return {
      why: `${uplink} has mtu ${link.mtu}, the network ${mtu}`,
      remedy: `Raise the mtu of ${uplink} on the node (its switch must agree), or lower the network’s.`,
    };
  return wanted.vlan === undefined ? portObstacle(wanted, link) : vlanObstacle(wanted, all);
}

/** As a port of a bridge it would lose its addresses, and the node its way to whoever is reached by them. */
function portObstacle(
  { uplink, bridge }: UplinkNetwork,
  link: Link,
): { why: string; remedy: string } | undefined {
  const other = `Use a VLAN of it, or make a bridge with ${uplink} in the network configuration of the node and use mode bridge.`;
  const [address] = [...link.ipv4, ...(link.ipv6 ?? [])];
  if (link.master !== undefined && link.master !== bridge)
    return { why: `${uplink} is a port of ${link.master}`, remedy: `Use ${link.master} with mode bridge.` };
  if (link.kind === 'bridge')
    return { why: `${uplink} is a bridge`, remedy: `Use ${uplink} with mode bridge.` };
  if (address !== undefined)
    return { why: `${uplink} has ${address}, which the node would lose`, remedy: other };
  return undefined;
}

function vlanObstacle(wanted: UplinkNetwork, all: Links): { why: string; remedy: string } | undefined {
  const { uplink, vlan, port } = wanted;
  const named = all.get(port);
  const same = [...all.values()].find((link) => link.parent === uplink && link.vlan === vlan);
  const taken = [named, same].find((link) => link && !isOurVlan(link, wanted));
  if (!taken) return vlan === undefined ? undefined : bridgeVlanObstacle({ uplink, vlan }, all);
  const what =
    taken === same ? `${taken.name} is VLAN ${vlan} of ${uplink}, and is not ours` : foreign(taken);
  return {
    why: what,
    remedy: `Remove ${taken.name}, or put it into a bridge and use that with mode bridge.`,
  };
}

/** What is not as wanted; empty: all is. */
export function uplinkFaults(wanted: UplinkNetwork, all: Links): string[] {
  const { bridge, port, uplink, mtu, vlan } = wanted;
  const obstacle = obstacleOf(wanted, all);
  if (obstacle) return [obstacle.why];
  const faults = bareBridgeFaults(all.get(bridge), wanted);
  const link = all.get(port);
  if (!link) return [...faults, `VLAN device ${port} is missing`];
  return [
    ...faults,
    ...(all.get(uplink)?.up ? [] : [`${uplink} is down`]),
    ...(vlan !== undefined && isDeafTo(all.get(uplink), vlan)
      ? [`VLAN ${vlan} does not come to ${uplink} itself`]
      : []),
    ...(link.up || port === uplink ? [] : [`${port} is down`]),
    ...(link.mtu === mtu || port === uplink ? [] : [`${port} has mtu ${link.mtu}, not ${mtu}`]),
    ...(link.master === bridge ? [] : [`${port} is no port of ${bridge}`]),
  ];
}

/**
 * Makes it. Each step is one idempotent command; until the port is one, nothing of the node's own traffic is touched.
 * To be called when there is no obstacle.
 */
export async function makeUplink(wanted: UplinkNetwork, all: Links, run: Run): Promise<void> {
  const { bridge, port, uplink, vlan } = wanted;
  const set = (...words: string[]) => run(['ip', 'link', 'set', 'dev', ...words]);
  await ensureBareBridge(wanted, all.get(bridge), run);
  await ensureNoIpv6(bridge);
  if (!all.get(uplink)?.up) await set(uplink, 'up'); // a VLAN device cannot be up before
  if (vlan !== undefined) await ensureVlan(wanted, vlan, all, run);
  if (all.get(port)?.master !== bridge) await set(port, 'master', bridge);
  if (!all.get(bridge)?.up) await set(bridge, 'up');
}

async function ensureVlan(wanted: UplinkNetwork, vlan: number, all: Links, run: Run): Promise<void> {
  const { uplink, port, alias, mac, mtu } = wanted;
  const link = all.get(port);
  const set = (...words: string[]) => run(['ip', 'link', 'set', 'dev', port, ...words]);
  const kind = ['type', 'vlan', 'id', `${vlan}`];
  if (!link) await run(['ip', 'link', 'add', 'link', uplink, 'name', port, 'address', mac, ...kind]);
  if (link?.alias !== alias) await set('alias', alias);
  if (link?.mtu !== mtu) await set('mtu', `${mtu}`);
  await ensureHeard(all.get(uplink), vlan, run);
  await ensureNoIpv6(port);
  if (!link?.up) await set('up');
}

/** Takes the bridge off the uplink, or away from its VLAN; the bridge and the guests on it stay. */
export async function unplug(wanted: UplinkNetwork, all: Links, run: Run): Promise<void> {
  const { uplink, port, bridge } = wanted;
  const [link, there] = [all.get(port), all.get(bridge)];
  if (port !== uplink) {
    if (link && isOurVlan(link, wanted)) await removeVlanDevice(link, all, run);
  } else if (link?.master === bridge && there && isOurs(there, wanted))
    await run(['ip', 'link', 'set', 'dev', uplink, 'nomaster']);
}

/** Ports that belong to the network itself and not to guests. */
export const ownPorts = (
  ours: Pick<UplinkNetwork, 'alias' | 'mac'>,
  uplink: string | undefined,
  all: Links,
): string[] =>
  [...all.values()]
    .filter((link) => isOurVlan(link, ours) || (uplink !== undefined && link.name === uplink))
    .map(({ name }) => name);
