/**
 * A VLAN-aware bridge of the operator as an uplink: its ports are told which VLANs they take, and so is the bridge itself,
 * else a VLAN device on it is deaf. That entry of the bridge is ours, its ports are the operator's. Source: bridge(8).
 */
import type { Run } from '../process/run.ts';
import { type Link, portsOf, type VlanRange } from './links.ts';

type Links = ReadonlyMap<string, Link>;

const entryOf = (link: Link | undefined, vlan: number): VlanRange | undefined =>
  link?.vlans?.find(({ first, last }) => first <= vlan && vlan <= last);

/** Why the VLAN cannot be had on it; undefined: it can, or this is no such bridge. */
export function bridgeVlanObstacle(
  { uplink, vlan }: { uplink: string; vlan: number },
  all: Links,
): { why: string; remedy: string } | undefined {
  const link = all.get(uplink);
  if (!link?.vlanAware) return undefined;
  if (entryOf(link, vlan)?.untagged)
    return {
      why: `VLAN ${vlan} is the one that ${uplink} itself has untagged`,
      remedy: `Use ${uplink} with mode bridge, or another VLAN.`,
    };
  if (!portsOf(all, uplink).some((port) => entryOf(all.get(port), vlan)))
    return {
      why: `no port of ${uplink} takes VLAN ${vlan}`,
      remedy: `On the node: \`bridge vlan add dev PORT vid ${vlan}\`, for the port of ${uplink} that leads to the network.`,
    };
  return undefined;
}

/** Whether frames of the VLAN do not come to devices on the uplink. */
export const isDeafTo = (uplink: Link | undefined, vlan: number): boolean =>
  uplink?.vlanAware === true && entryOf(uplink, vlan) === undefined;

export async function ensureHeard(uplink: Link | undefined, vlan: number, run: Run): Promise<void> {
  if (uplink && isDeafTo(uplink, vlan)) await run(entryArgv('add', uplink.name, vlan));
}

/** A VLAN device of ours, after what it needed: while it is there a crash in between is found again. */
export async function removeVlanDevice(device: Link, all: Links, run: Run): Promise<void> {
  const { parent, vlan } = device;
  const uplink = parent === undefined ? undefined : all.get(parent);
  const entry = vlan === undefined ? undefined : entryOf(uplink, vlan);
  if (uplink?.vlanAware && vlan !== undefined && entry && !entry.untagged)
    await run(entryArgv('del', uplink.name, vlan));
  await run(['ip', 'link', 'del', 'dev', device.name, 'type', 'vlan']);
}

const entryArgv = (verb: 'add' | 'del', bridge: string, vlan: number): [string, ...string[]] => [
  ...(['bridge', 'vlan', verb, 'dev', bridge] as const),
  ...['vid', `${vlan}`, 'self'],
];
