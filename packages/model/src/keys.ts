/** Names of keys, and what Linux calls them by number (linux/input-event-codes.h): libvirt’s codeset `linux`. */
import { err } from './errors.ts';
import { nearest } from './nearest.ts';
import { type Static, Type } from './schema.ts';

/** Keys in a row of a keyboard have codes in a row. */
const row = (names: string, from: number): [string, number][] =>
  names.split(' ').map((name, index) => [name, from + index]);

const codes: ReadonlyMap<string, number> = new Map([
  ...row('esc 1 2 3 4 5 6 7 8 9 0 minus equal backspace tab', 1),
  ...row('q w e r t y u i o p leftbracket rightbracket enter ctrl', 16),
  ...row('a s d f g h j k l semicolon apostrophe grave shift backslash', 30),
  ...row('z x c v b n m comma dot slash rshift', 44),
  ...row('alt space capslock f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 numlock scrolllock', 56),
  ...row('f11 f12', 87),
  ...row('rctrl', 97),
  ...row('sysrq altgr', 99),
  ...row('home up pageup left right end down pagedown insert delete', 102),
  ...row('pause', 119),
  ...row('meta rmeta menu', 125),
]);

export const keyNames: readonly string[] = [...codes.keys()];

/** Undefined for what is no key. */
export const keyCode = (name: string): number | undefined => codes.get(name);

/** libvirt takes so many at once. */
export const KEYS_AT_ONCE = 16;
export const KEY_PRESSES = 64;

/** Keys pressed together: `ctrl+alt+delete`. */
export const KeyPress = Type.String({
  pattern: '^[a-z0-9]{1,16}(\\+[a-z0-9]{1,16}){0,15}$',
  description: 'names of keys pressed together: ctrl+alt+delete',
});
export const KeyPresses = Type.Array(KeyPress, { minItems: 1, maxItems: KEY_PRESSES });
export type KeyPresses = Static<typeof KeyPresses>;

/** As Linux numbers them. @throws GantryError `invalid_argument`, with the nearest name */
export function keyCodes(press: string): number[] {
  return press.split('+').map((name) => {
    const code = keyCode(name);
    if (code !== undefined) return code;
    const close = nearest(name, keyNames);
    throw err('invalid_argument', {
      what: `key ${JSON.stringify(name.slice(0, 32))}`,
      wanted: `known${close === undefined ? ': `gantry instance send-key --help` names them' : ` (did you mean ${close}?)`}`,
    });
  });
}
