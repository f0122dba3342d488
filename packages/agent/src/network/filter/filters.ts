/**
 * The anti-spoofing filters of the node's guests. Each change is one transaction of nft, so a crash leaves the old
 * filter or the new one. A filter stands before its tap exists and goes after it; a tap without one lets nothing out.
 */
import { err } from '@gantry/model';
import type { Clock } from '../../env.ts';
import type { SeenFilter } from '../../observation.ts';
import { ProcessError, type Run, run as runProgram } from '../../process/run.ts';
import { parseListing, type SeenTap } from './listing.ts';
import { markOf, putText, removeText, TABLE } from './rules.ts';
import type { GuestFilter } from './sources.ts';

/** While all is well nft is asked no more often: another program that flushes rules is noticed so late. */
const CHECK_MS = 30_000;
/** Of the agent's time that listing may take: a listing of thousands of taps takes a second. */
const SHARE = 0.01;
/** A rule of a tap is about 600 bytes of JSON. */
const LISTING_BYTES = 256 * 2 ** 20;

export interface NodeFilters {
  /** @throws GantryError `host_unfit` */
  ensure(filter: GuestFilter): Promise<void>;
  remove(instance: string): Promise<void>;
  /** @param anew nft is asked, whenever that was last */
  observe(anew?: boolean): Promise<SeenFilter[]>;
  /** With counters of this moment. */
  taps(): Promise<SeenTap[]>;
}

/** What is compared: wanted and seen. */
export const filterText = (marks: readonly { tap: string; mark: string }[]): string =>
  marks
    .map(({ tap, mark }) => `${tap} ${mark}\n`)
    .sort()
    .join('');

/** The taps of such a text whose filter is as it was put. */
export const wholeTaps = (text: string): string[] =>
  text.split('\n').flatMap((line) => {
    const [tap = '', mark] = line.split(' ');
    return mark ? [tap] : [];
  });

export const wantedText = ({ instance, taps }: GuestFilter): string =>
  filterText(taps.map((tap) => ({ tap: tap.tap, mark: markOf(instance, tap) })));

/** The filters of the namespace in which the agent runs. */
export function nodeFilters({ clock, run = runProgram }: { clock: Clock; run?: Run }): NodeFilters {
  let known: { seen: SeenTap[]; until: number } | undefined;
  let changes = 0;

  async function list(): Promise<SeenTap[]> {
    const { code, stdout, stderr } = await run(['nft', '-j', 'list', 'table', 'bridge', TABLE], {
      okCodes: [0, 1],
      keepBytes: LISTING_BYTES,
    });
    if (code !== 0 && !/No such file or directory/.test(stderr))
      throw err('host_unfit', { why: `nft: ${stderr.trim()}`, remedy: 'The message is the program’s own.' });
    return parseListing(code === 0 ? stdout : '');
  }

  async function look(anew: boolean): Promise<SeenTap[]> {
    const begun = clock.bootMs();
    if (!anew && known && begun < known.until) return known.seen;
    const before = changes;
    const seen = await list();
    const ended = clock.bootMs();
    // listed before a change that came meanwhile: it would hide that for as long as it is believed
    if (changes === before) known = { seen, until: ended + Math.max(CHECK_MS, (ended - begun) / SHARE) };
    return seen;
  }

  async function apply(text: string): Promise<void> {
    const changed = () => {
      known = undefined;
      changes++;
    };
    await run(['nft', '-f', '-'], { stdin: text }).catch(unfit).finally(changed);
  }

  const tapsOf = (seen: readonly SeenTap[], instance: string): string[] =>
    seen.filter((tap) => tap.instance === instance).map(({ tap }) => tap);

  async function put(filter: GuestFilter): Promise<void> {
    const before = tapsOf(await list(), filter.instance);
    const wanted = new Set(filter.taps.map(({ tap }) => tap));
    const stale = before.filter((tap) => !wanted.has(tap));
    await apply(putText(filter, stale));
  }

  async function takeAway(instance: string): Promise<void> {
    const all = await list();
    const taps = tapsOf(all, instance);
    if (taps.length > 0) await apply(removeText(taps, taps.length === all.length));
  }

  /** One after the other: what one has listed, another must not change before it acts on that. */
  let last: Promise<void> = Promise.resolve();
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    last = last.then(act, act);
    return last;
  };

  return {
    ensure: (filter) => inTurn(() => put(filter)),
    remove: (instance) => inTurn(() => takeAway(instance)),
    async observe(anew = false) {
      const byInstance = Map.groupBy(await look(anew), ({ instance }) => instance);
      return [...byInstance].map(([instance, taps]) => ({ instance, text: filterText(taps) }));
    },
    taps: list,
  };
}

function unfit(cause: unknown): never {
  if (!(cause instanceof ProcessError)) throw cause;
  const remedy =
    cause.reason === 'not-found'
      ? 'Install nftables.'
      : 'The kernel needs nftables of the bridge family (CONFIG_NF_TABLES_BRIDGE).';
  throw err('host_unfit', { why: cause.message, remedy }, cause);
}
