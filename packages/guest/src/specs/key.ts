/** What is known about one extra spec or image property: the row of the tables in flavor-keys.ts and image-keys.ts. */

export type KeyType =
  | { readonly type: 'boolean' }
  | { readonly type: 'integer'; readonly min: number; readonly max: number }
  | {
      readonly type: 'word';
      readonly words: readonly string[];
      /** Words that Nova knows and QEMU with libvirt cannot do, with the reason. */
      readonly refused?: Readonly<Record<string, string>>;
      /** Other spellings of the words. Keys in lower case. */
      readonly aliases?: Readonly<Record<string, string>>;
      readonly anyCase?: boolean;
    }
  | { readonly type: 'text'; readonly pattern: RegExp; readonly wanted: string };

/**
 * `built`: obeyed. `later`: known, refused until it is built, except for values that ask for nothing.
 * `inert`: accepted and checked; it says nothing about the hardware of a guest under libvirt, in Nova neither.
 */
export type KeyState = 'built' | 'later' | 'inert';

export interface Key {
  /** As Nova spells it; `N` and `CLASS` stand for what `pattern` matches there. */
  readonly key: string;
  readonly pattern?: RegExp;
  readonly value: KeyType;
  readonly unit?: string;
  /** In words: what holds where the key is not set. */
  readonly default: string;
  readonly doc: string;
  /** Nova release that first had it, as far as read: 26 is Zed. */
  readonly since: '26 or earlier' | 'after 26';
  readonly state: KeyState;
  /** Older names of the same key; the key itself wins. */
  readonly aliases?: readonly string[];
  /** With state `later`: values that ask for nothing. */
  readonly harmless?: readonly string[];
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

type Extra = Partial<Pick<Key, 'pattern' | 'unit' | 'aliases' | 'harmless' | 'since'>>;

const row =
  (state: KeyState) =>
  (key: string, value: KeyType, whenUnset: string, doc: string, extra: Extra = {}): Key =>
    Object.freeze({ key, value, default: whenUnset, doc, since: '26 or earlier', state, ...extra });

export const built = row('built');
export const later = row('later');
export const inert = row('inert');
