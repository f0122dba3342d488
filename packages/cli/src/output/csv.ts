/** Comma-separated values (RFC 4180), steering no terminal that shows them. */
import { type Printable, printable } from './printable.ts';

/** A cell that a spreadsheet would run as a formula gets a quote before it. */
const quote = (cell: string): string => {
  const safe = /^[=+\-@\t\r]/.test(cell) && !/^-?\d+([.]\d+)?$/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};

export const csv = (rows: readonly (readonly string[])[]): Printable =>
  rows.map((row) => row.map((cell) => quote(printable(cell))).join(',')).join('\r\n') as Printable;
