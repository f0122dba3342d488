/** Behind NAT each node of a network takes its subnet for that of its guests. */
import { isIPv4 } from 'node:net';
import { err, type NetworkSpec } from '@gantry/model';
import { ipv4ToNumber, rangeOf } from '../addresses.ts';
import type { App } from '../api/call.ts';

/**
 * Whoever of the cluster has an address in there would not be reached from those nodes any more: their own controller, where
 * it is he.
 * @throws GantryError `invalid_argument`
 */
export async function requireNobodyInside(
  { store, remote }: Pick<App, 'store' | 'remote'>,
  { mode, subnet }: NetworkSpec,
): Promise<void> {
  if (mode !== 'nat' || !subnet) return;
  const { first, last } = rangeOf(subnet.cidr);
  const controller = remote ? [['the controller', new URL(remote.url).hostname]] : [];
  const nodes = (await store.list('node')).items.map(({ name, status }) => [
    `node ${name}`,
    status.facts?.transfer?.address ?? '',
  ]);
  for (const [who, address = ''] of [...controller, ...nodes])
    if (isIPv4(address) && ipv4ToNumber(address) >= first && ipv4ToNumber(address) <= last)
      throw err('invalid_argument', {
        what: `subnet ${subnet.cidr}`,
        wanted: `apart from ${who} (${address}), which nodes with its guests would not reach any more`,
      });
}
