/** What is known about one extra spec or image property: the row of the tables in keys/. The reference pages are generated from it. */

export type KeyType =
  | { readonly type: 'boolean' }
  | { readonly type: 'integer'; readonly min: number; readonly max: number }
  | {
      readonly type: 'word';
      readonly words: readonly string[];
      /** Words that Nova knows and QEMU with libvirt cannot do, with the reason and Nova's class where it refuses too. */
      readonly refused?: Readonly<Record<string, { readonly why: string; readonly nova: string }>>;
      /** Other spellings of the words. Keys in lower case. */
      readonly aliases?: Readonly<Record<string, string>>;
      readonly anyCase?: boolean;
    }
  | { readonly type: 'text'; readonly pattern: RegExp; readonly wanted: string };

/**
 * `built`: obeyed. `later`: obeyed by the offline render; on a cluster refused, except for values that ask for
 * nothing, until its nodes and placement can give it. `inert`: accepted and checked; it says nothing about the
 * hardware of a guest under libvirt, in Nova neither.
 */
export type KeyState = 'built' | 'later' | 'inert';

/** Who wins where flavor and image both speak. */
export type Precedence =
  | 'equal' // both must say the same
  | 'image'
  | 'flavor'
  | 'either' // true in one of them suffices
  | 'lower' // the image may only lower it
  | 'refine' // the image may only choose where the flavor leaves it open
  | 'exclusive'; // only one of them may say it

export interface Key {
  /** As Nova spells it; `N` and `CLASS` stand for what `pattern` matches there. */
  readonly key: string;
  readonly pattern?: RegExp;
  readonly value: KeyType;
  readonly unit?: string;
  /** In words: what holds where the key is not set. */
  readonly default: string;
  readonly doc: string;
  /** Where it shows in the domain XML; undefined: nowhere. */
  readonly effect?: string;
  /** The key of the same meaning in the other vocabulary, and who wins. */
  readonly twin?: { readonly key: string; readonly wins: Precedence };
  /** Nova release that first had it, as far as read: 26 is Zed. */
  readonly since: '26 or earlier' | 'after 26';
  readonly state: KeyState;
  /** With state `later`: what is missing on a cluster. */
  readonly missing?: string;
  /** Older names of the same key; the key itself wins. */
  readonly aliases?: readonly string[];
  /** With state `later`: values that ask for nothing. */
  readonly harmless?: readonly string[];
  /** Nova's exception class for a bad value; else the one of its vocabulary. */
  readonly nova?: string;
}

/** One family of keys. */
export interface Family {
  readonly title: string;
  readonly flavor: readonly Key[];
  readonly image: readonly Key[];
}

const UINT32 = 2 ** 32 - 1;

export const boolean = { type: 'boolean' } as const;
export const integer = (min: number, max: number = UINT32): KeyType => ({ type: 'integer', min, max });
export const words = (
  list: readonly string[],
  more: Partial<Extract<KeyType, { type: 'word' }>> = {},
): KeyType => ({ type: 'word', words: list, ...more });
export const anyText = { type: 'text', pattern: /^.{0,1024}$/u, wanted: 'one line of text' } as const;
export const matching = (pattern: RegExp, wanted: string): KeyType => ({ type: 'text', pattern, wanted });
export const cpuList = matching(/^\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*$/, 'a list of CPUs such as 0-3,^1');

type Extra = Partial<
  Pick<Key, 'pattern' | 'unit' | 'aliases' | 'harmless' | 'since' | 'effect' | 'twin' | 'missing' | 'nova'>
>;

const row =
  (state: KeyState) =>
  (key: string, value: KeyType, whenUnset: string, doc: string, extra: Extra = {}): Key =>
    Object.freeze({ key, value, default: whenUnset, doc, since: '26 or earlier', state, ...extra });

export const built = row('built');
export const later = row('later');
export const inert = row('inert');

export const newer = { since: 'after 26' } as const;
export const twin = (key: string, wins: Precedence) => ({ twin: { key, wins } }) as const;
export const effect = (path: string) => ({ effect: path }) as const;

/** Reasons why a key waits. */
export const byNode = { missing: 'nodes do not prepare this yet' } as const;

/** The same setting in both vocabularies: `hw:WORD` and `hw_WORD`. */
export function twins(
  make: typeof built,
  word: string,
  wins: Precedence,
  value: KeyType | { readonly flavor: KeyType; readonly image: KeyType },
  whenUnset: string,
  doc: string,
  extra: Extra = {},
  ofImage: Extra = {},
): { flavor: Key; image: Key } {
  const of = 'flavor' in value ? value : { flavor: value, image: value };
  const { aliases: _, nova: __, ...both } = extra;
  return {
    flavor: make(`hw:${word}`, of.flavor, whenUnset, doc, { ...extra, ...twin(`hw_${word}`, wins) }),
    image: make(`hw_${word}`, of.image, whenUnset, doc, { ...both, ...twin(`hw:${word}`, wins), ...ofImage }),
  };
}

/** A family from pairs of twins and single rows. */
export const family = (
  title: string,
  pairs: readonly { flavor: Key; image: Key }[],
  flavor: readonly Key[] = [],
  image: readonly Key[] = [],
): Family => ({
  title,
  flavor: [...pairs.map((pair) => pair.flavor), ...flavor],
  image: [...pairs.map((pair) => pair.image), ...image],
});
