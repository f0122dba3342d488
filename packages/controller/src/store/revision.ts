/** Revisions are pairs written `INCARNATION.NUMBER`; numbers are only compared within one incarnation. */
import { err, type Revision } from '@gantry/model';

export const formatRevision = (incarnation: number, number: number): Revision => `${incarnation}.${number}`;

/** @throws GantryError `invalid_argument` */
export function parseRevision(text: string): { incarnation: number; number: number } {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text);
  if (!match)
    throw err('invalid_argument', { what: JSON.stringify(text.slice(0, 64)), wanted: 'a revision' });
  return { incarnation: Number(match[1]), number: Number(match[2]) };
}
