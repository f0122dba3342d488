/**
 * The nftables rules of a NAT network: one table of our own for each, family inet, replaced as a whole and atomically.
 * A verdict `accept` here ends only our own chains: a firewall of the host that drops forwarded packets still does,
 * and is the operator's to open. Tables of others are never read or changed.
 */
import { createHash } from 'node:crypto';
import { type Run, run as runProgram } from '../process/run.ts';
import type { NatNetwork } from './wanted.ts';

/**
 * The transaction for `nft -f -`. Guests go out with addresses of the subnet only; nothing comes in unasked, from other
 * networks of the cluster neither. IPv6 is not routed. The first rule's comment carries the digest of the rest.
 */
export function ruleset({ table, bridge, net }: NatNetwork): string {
  const rules = (digest: string): string =>
    [
      `add table inet ${table}`,
      `delete table inet ${table}`,
      `table inet ${table} {`,
      '\tchain forward {',
      '\t\ttype filter hook forward priority filter; policy accept;',
      `\t\tiifname "${bridge}" oifname "${bridge}" accept comment "gantry ${digest}"`,
      `\t\tiifname "${bridge}" ip saddr ${net.cidr} accept`,
      `\t\tiifname "${bridge}" reject with icmpx type admin-prohibited`,
      `\t\toifname "${bridge}" ct state established,related accept`,
      `\t\toifname "${bridge}" reject with icmpx type admin-prohibited`,
      '\t}',
      '\tchain postrouting {',
      '\t\ttype nat hook postrouting priority srcnat; policy accept;',
      `\t\tip saddr ${net.cidr} ip daddr != ${net.cidr} oifname != "${bridge}" masquerade`,
      '\t}',
      '}',
      '',
    ].join('\n');
  return rules(createHash('sha256').update(rules('')).digest('hex').slice(0, 16));
}

const RULES = 6;

interface NftObject {
  rule?: { comment?: string };
}

/** Whether what `nft -j list table` tells is the wanted ruleset: its digest is there, and no rule too many or too few. */
export function isCurrent(wanted: NatNetwork, listing: string): boolean {
  const digest = /comment "(gantry [0-9a-f]+)"/.exec(ruleset(wanted))?.[1];
  const objects = (JSON.parse(listing) as { nftables: NftObject[] }).nftables;
  const rules = objects.flatMap((object) => (object.rule ? [object.rule] : []));
  return rules.length === RULES && rules.some((rule) => rule.comment === digest);
}

/** Looks at the table. */
export async function rulesAreCurrent(wanted: NatNetwork, run: Run = runProgram): Promise<boolean> {
  const { code, stdout } = await run(['nft', '-j', 'list', 'table', 'inet', wanted.table], {
    okCodes: [0, 1],
  });
  return code === 0 && isCurrent(wanted, stdout);
}

/** Puts the rules in place in one transaction, unless they are there. */
export async function ensureRules(wanted: NatNetwork, run: Run = runProgram): Promise<void> {
  if (!(await rulesAreCurrent(wanted, run))) await run(['nft', '-f', '-'], { stdin: ruleset(wanted) });
}

/** Removes the table; none is fine too. `add` first, so that the transaction holds either way. */
export async function removeRules(table: string, run: Run = runProgram): Promise<void> {
  await run(['nft', '-f', '-'], { stdin: `add table inet ${table}\ndelete table inet ${table}\n` });
}
