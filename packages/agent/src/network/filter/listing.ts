/** What `nft -j list table` tells of the filters: whose they are, whether they are whole, what they dropped. */
import { type DropReason, dropReasons } from './rules.ts';

interface NftObject {
  map?: { elem?: [string, unknown][] };
  chain?: { name: string; hook?: string };
  rule?: { chain: string; comment?: string; expr?: { counter?: { packets: number } }[] };
}

export interface SeenTap {
  instance: string;
  tap: string;
  /** As it was put, or empty where somebody changed it since. */
  mark: string;
  /** Frames, by reason; reasons without a frame are left out. */
  dropped: Partial<Record<DropReason, number>>;
}

const MARK = /^gantry ([0-9a-f-]{36}) [0-9a-f]{16} (\d+)$/;
const BASE_RULES = 2;

/** @param listing standard output of nft; of a table that is not there: nothing */
export function parseListing(listing: string): SeenTap[] {
  const { nftables } = JSON.parse(listing.trim() === '' ? '{"nftables":[]}' : listing) as {
    nftables: NftObject[];
  };
  const mapped = new Set(nftables.flatMap(({ map }) => map?.elem ?? []).map(([tap]) => tap));
  const chains = nftables.flatMap(({ chain }) => (chain ? [chain] : []));
  const rules = Map.groupBy(
    nftables.flatMap(({ rule }) => (rule ? [rule] : [])),
    ({ chain }) => chain,
  );
  const hooked = chains.find(({ hook }) => hook !== undefined)?.name;
  const watches = hooked !== undefined && rules.get(hooked)?.length === BASE_RULES;
  return chains.flatMap(({ name }) => {
    const own = rules.get(name) ?? [];
    const [mark = '', instance, count] = MARK.exec(own[0]?.comment ?? '') ?? [];
    if (instance === undefined) return [];
    const whole = watches && mapped.has(name) && own.length === Number(count);
    return [{ instance, tap: name, mark: whole ? mark : '', dropped: droppedOf(own) }];
  });
}

function droppedOf(rules: readonly NonNullable<NftObject['rule']>[]): SeenTap['dropped'] {
  const dropped: SeenTap['dropped'] = {};
  for (const reason of dropReasons) {
    const packets = rules.filter(({ comment }) => comment === reason).map(packetsOf);
    const sum = packets.reduce((total, count) => total + count, 0);
    if (sum > 0) dropped[reason] = sum;
  }
  return dropped;
}

const packetsOf = ({ expr }: NonNullable<NftObject['rule']>): number =>
  expr?.find(({ counter }) => counter)?.counter?.packets ?? 0;
