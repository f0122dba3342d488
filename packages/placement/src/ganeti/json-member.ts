/**
 * One member of a large JSON object, without reading the rest: Ganeti's requests carry the whole cluster, megabytes that
 * are not needed here. The rest is only followed bracket by bracket, so a file that was cut off is noticed.
 */
import { err } from '@gantry/model';

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST, COMMA] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c];

/** The text of the value; undefined: no such member. @throws GantryError `invalid_argument` */
export function jsonMember(bytes: Uint8Array, key: string): string | undefined {
  let depth = 0;
  let found: string | undefined;
  let name = '';
  /** Where the value of the present member begins. */
  let start = -1;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = endOfString(bytes, at);
      if (depth === 1 && start < 0) name = text(bytes, at + 1, end);
      at = end;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth -= 1;
    else if (depth === 1 && byte === COLON) start = at + 1;
    if ((depth === 1 && byte === COMMA) || (depth === 0 && byte === CLOSE_OBJECT)) {
      if (start >= 0 && name === key) found = text(bytes, start, at);
      start = -1;
    }
  }
  if (depth !== 0) throw cutOff();
  return found;
}

function endOfString(bytes: Uint8Array, from: number): number {
  for (let at = from + 1; at < bytes.length; at += 1) {
    if (bytes[at] === BACKSLASH) at += 1;
    else if (bytes[at] === QUOTE) return at;
  }
  throw cutOff();
}

const text = (bytes: Uint8Array, from: number, to: number): string =>
  new TextDecoder().decode(bytes.subarray(from, to));

const cutOff = (): Error =>
  err('invalid_argument', { what: 'the request', wanted: 'whole JSON: a bracket or a string is not closed' });
