import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csv } from './csv.ts';
import { table, widthOf } from './table.ts';

test('columns are as wide as needed, numbers to the right, no blanks at the end', () => {
  const text = table(
    ['NAME', 'SIZE'],
    [
      ['a', '10'],
      ['longer', '9'],
    ],
    { right: [false, true] },
  );
  expect(text).toBe('NAME    SIZE\na         10\nlonger     9');
});

test('on a terminal the widest column gives way', () => {
  const text = table(['A', 'MESSAGE'], [['x', 'a message that is much too long']], { width: 20 });
  expect(text).toBe('A  MESSAGE\nx  a message that i…');
});

test('no row is wider than the terminal, whatever the cells, as long as each column has its least', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '漢', '\t', '\u001b', ' '), maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }),
      fc.integer({ min: 30, max: 100 }),
      (rows, width) => {
        for (const row of table(['A', 'B', 'C'], rows, { width }).split('\n')) {
          expect(widthOf(row)).toBeLessThanOrEqual(width);
          expect(row).not.toContain('\u001b');
        }
      },
    ),
  );
});

test.each([
  [[['a', 'b,c']], 'a,"b,c"'],
  [[['say "x"', 'two\nlines']], '"say ""x""","two\nlines"'],
  [[['=1+1', '-5', '-x']], "'=1+1,-5,'-x"],
])('csv of %j', (rows, wanted) => {
  expect(csv(rows)).toBe(wanted);
});
