/** Plain columns, two spaces apart. On a terminal the widest column gives way so that a row stays on its line. */
import { type Printable, printable } from './printable.ts';

const GAP = '  ';
/** A column is not squeezed below this. */
const LEAST = 8;

export interface TableOptions {
  /** Columns of the terminal; none: as wide as needed. */
  width?: number;
  /** Columns with numbers, set to the right. */
  right?: readonly boolean[];
  /** Own escape sequences round the first line. */
  header?: (text: string) => string;
}

export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): Printable {
  const cells = [header, ...rows].map((row) => row.map((cell) => printable(cell).replace(/[\t\n]+/g, ' ')));
  const widths = fit(
    header.map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? '')))),
    options.width,
  );
  const lines = cells.map((row) =>
    row
      .map((cell, i) => pad(cut(cell, widths[i] ?? 0), widths[i] ?? 0, options.right?.[i] === true))
      .join(GAP)
      .trimEnd(),
  );
  const [first = '', ...others] = lines;
  return [options.header ? options.header(first) : first, ...others].join('\n') as Printable;
}

/** Characters that take two columns of a terminal (East Asian wide, emoji), roughly as wcwidth sees them. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;
const charWidth = (char: string): number => (wide.test(char) ? 2 : 1);
export const widthOf = (text: string): number => [...text].reduce((sum, char) => sum + charWidth(char), 0);

function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let taken = 1;
  for (const char of text) {
    taken += charWidth(char);
    if (taken > width) break;
    kept += char;
  }
  return `${kept}…`;
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? space + text : text + space;
}

function fit(widths: readonly number[], limit: number | undefined): number[] {
  const fitted = [...widths];
  const sum = () => fitted.reduce((a, b) => a + b, GAP.length * (fitted.length - 1));
  while (limit !== undefined && sum() > limit) {
    const widest = fitted.indexOf(Math.max(...fitted));
    const width = fitted[widest] ?? 0;
    if (width <= LEAST) break;
    fitted[widest] = Math.max(LEAST, width - (sum() - limit), secondWidest(fitted, widest));
    if (fitted[widest] === width) fitted[widest] = width - 1;
  }
  return fitted;
}

const secondWidest = (widths: readonly number[], widest: number): number =>
  Math.max(0, ...widths.filter((_, i) => i !== widest));
