/** A managed bridge: made, corrected and removed; one that is not ours is left alone. */
import { err } from '@gantry/model';
import { type Run, run as runProgram } from '../process/run.ts';
import { type Link, portsOf } from './links.ts';
import type { NatNetwork } from './wanted.ts';

/** Of a new bridge. */
const KERNEL_MTU = 1500;

export type BareBridge = Pick<NatNetwork, 'bridge' | 'alias' | 'mac' | 'mtu'>;

/**
 * Ours: a bridge with our alias, or without any and with the MAC that only we derive, which is one that a crash left
 * between being made and being named.
 */
export const isOurs = (link: Link, wanted: Pick<NatNetwork, 'alias' | 'mac'>): boolean =>
  link.kind === 'bridge' &&
  (link.alias === wanted.alias || (link.alias === undefined && link.mac === wanted.mac));

/** What is not as wanted; empty: all is. */
export function bareBridgeFaults(link: Link | undefined, wanted: BareBridge): string[] {
  if (!link) return [`bridge ${wanted.bridge} is missing`];
  if (!isOurs(link, wanted)) return [foreign(link)];
  return [
    ...(link.alias === undefined ? ['it is not named yet'] : []),
    ...(link.mac === wanted.mac ? [] : [`MAC is ${link.mac}, not ${wanted.mac}`]),
    ...(link.mtu === wanted.mtu ? [] : [`mtu is ${link.mtu}, not ${wanted.mtu}`]),
    ...(link.up ? [] : ['it is down']),
  ];
}

/** The same, with its address. */
export function bridgeFaults(link: Link | undefined, wanted: NatNetwork): string[] {
  const bare = bareBridgeFaults(link, wanted);
  if (!link || !isOurs(link, wanted)) return bare;
  const address = `${wanted.gateway}/${wanted.net.prefix}`;
  return [
    ...bare,
    ...(link.ipv4.length === 1 && link.ipv4[0] === address
      ? []
      : [`address is ${link.ipv4.join(', ') || 'missing'}, not ${address}`]),
  ];
}

export const foreign = (link: Link): string =>
  `${link.name} exists and is not ours (${link.kind ?? 'hardware'}${link.alias ? `, alias ${JSON.stringify(link.alias)}` : ''})`;

/**
 * Makes the bridge as wanted. Each step is one idempotent command, so a crash anywhere leaves what the next call mends.
 * @throws GantryError `host_unfit` when another's interface has the name or the address range
 */
export async function ensureBridge(
  wanted: NatNetwork,
  all: ReadonlyMap<string, Link>,
  run: Run = runProgram,
): Promise<void> {
  const link = all.get(wanted.bridge);
  refuseForeign(wanted, link);
  refuseOverlap(wanted, all);
  await ensureBareBridge(wanted, link, run);
  await ensureAddress(wanted, link?.ipv4 ?? [], run);
  if (!link?.up) await run(['ip', 'link', 'set', 'dev', wanted.bridge, 'up']);
}

/** @throws GantryError `host_unfit` when another's interface has the name */
export function refuseForeign(wanted: BareBridge, link: Link | undefined): void {
  if (!link || isOurs(link, wanted)) return;
  throw err('host_unfit', {
    why: foreign(link),
    remedy: `Give the network another bridge name, or remove ${link.name}; one that exists is used with mode bridge.`,
  });
}

/** Named, with its MAC and mtu; without address, and down if it is new. */
export async function ensureBareBridge(wanted: BareBridge, link: Link | undefined, run: Run): Promise<void> {
  const ip = (...words: string[]) => run(['ip', ...words]);
  const { bridge, alias, mac, mtu } = wanted;
  if (!link) await create(wanted, run);
  if (link?.alias !== alias) await ip('link', 'set', 'dev', bridge, 'alias', alias);
  if (link && link.mac !== mac) await ip('link', 'set', 'dev', bridge, 'address', mac);
  // Not at its making: the kernel takes only a later change as our will, else it follows the ports.
  if ((link?.mtu ?? KERNEL_MTU) !== mtu) await ip('link', 'set', 'dev', bridge, 'mtu', `${mtu}`);
}

/** Without STP there is nothing to wait for: a port forwards from its first frame. The alias cannot be given here. */
async function create({ bridge, mac }: BareBridge, run: Run): Promise<void> {
  const kind = ['type', 'bridge', 'stp_state', '0', 'forward_delay', '0'];
  await run(['ip', 'link', 'add', 'name', bridge, 'address', mac, ...kind]);
}

/** Old ones first: with the first address of a subnet the kernel drops all others in it (promote_secondaries). */
async function ensureAddress(wanted: NatNetwork, seen: readonly string[], run: Run): Promise<void> {
  const address = `${wanted.gateway}/${wanted.net.prefix}`;
  const old = seen.filter((other) => other !== address);
  for (const other of old) await run(['ip', 'addr', 'del', other, 'dev', wanted.bridge]);
  if (old.length > 0 || !seen.includes(address))
    await run(['ip', 'addr', 'replace', address, 'broadcast', '+', 'dev', wanted.bridge]);
}

/** Two interfaces in one subnet: the host would send guests' packets to the wrong one, its own ones to guests. */
function refuseOverlap(wanted: NatNetwork, all: ReadonlyMap<string, Link>): void {
  for (const link of all.values()) {
    const taken = link.ipv4.find((cidr) => wanted.net.contains(cidr.split('/')[0] ?? ''));
    if (link.name !== wanted.bridge && taken)
      throw err('host_unfit', {
        why: `${link.name} has ${taken}, which lies in ${wanted.net.cidr}`,
        remedy: 'Give the network a subnet that nothing else on the machine uses.',
      });
  }
}

/**
 * Removes the bridge if it is ours; another's, or none, is left as it is.
 * @throws GantryError `in_use` while it has ports
 */
export async function removeBridge(
  bridge: string,
  ours: Pick<NatNetwork, 'alias' | 'mac'>,
  all: ReadonlyMap<string, Link>,
  run: Run = runProgram,
): Promise<void> {
  const link = all.get(bridge);
  if (!link || !isOurs(link, ours)) return;
  const ports = portsOf(all, bridge);
  if (ports.length > 0) throw err('in_use', { kind: 'bridge', name: bridge, users: ports.join(', ') });
  await run(['ip', 'link', 'del', 'dev', bridge, 'type', 'bridge']);
}
