import { isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column } from './column.ts';
import { parseFilter } from './filter.ts';

interface Row {
  name: string;
  status?: string;
  memory: number;
  took: number;
  spec: { labels: Record<string, string> };
}
const columns: Column<Row>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'status', value: (row) => row.status },
  { name: 'memory', value: (row) => row.memory, unit: 'MiB' },
  { name: 'took', value: (row) => row.took, unit: 'ms' },
  { name: 'vcpus', value: () => 2 },
  { name: 'state', value: ({ status = 'odd' }) => status, values: ['running', 'stopped', 'ready, drained'] },
];
const rows: Row[] = [
  { name: 'web1', status: 'running', memory: 512, took: 900, spec: { labels: { tier: 'front end' } } },
  { name: 'web2', status: 'stopped', memory: 1024, took: 2500, spec: { labels: {} } },
  { name: 'or', memory: 4096, took: 0, spec: { labels: {} } },
];
const kept = (filter: string): string =>
  rows
    .filter(parseFilter(filter, columns, rows))
    .map(({ name }) => name)
    .join(' ');

test.each([
  ['status=running', 'web1'],
  ['status!=running', 'web2 or'],
  ['status=""', 'or'],
  ['name~^web', 'web1 web2'],
  ['name !~ ^web', 'or'],
  ['memory>=1G', 'web2 or'],
  ['memory < 1024M', 'web1'],
  ['took>1s', 'web2'],
  ['vcpus=2', 'web1 web2 or'],
  ['vcpus>2', ''],
  ['status=running or memory>=4G and name="or"', 'web1 or'],
  ['(status=running or memory>=4G) and name=web1', 'web1'],
  ['not status=running', 'web2 or'],
  ['not (status=running or status=stopped)', 'or'],
  ["spec.labels.tier='front end'", 'web1'],
  ['name="or"', 'or'],
  ['state=running', 'web1'],
  ['state=""', ''],
  ['state!=running', 'web2 or'],
  ['state="ready, drained"', ''],
  ['state~drained', ''],
  // one that a newer cluster may know
  ['state=odd', 'or'],
])('%s', (filter, names) => {
  expect(kept(filter)).toBe(names);
});

test.each([
  ['', 'its end'],
  ['status', 'one of ='],
  ['status=', 'a value is wanted'],
  ['status=running status=stopped', 'and, or, or the end'],
  ['(status=running', ') is wanted'],
  ['=x', 'a field'],
  ['nme=x', 'did you mean name?'],
  ['memory>1', 'a size with its unit'],
  ['name~[', 'a regular expression'],
  ['name="x', 'wanted there'],
  ['state=runing', 'one of running, stopped, "ready, drained" (did you mean running?)'],
  ['state=RUNNING', 'did you mean running?'],
  ['name=web1 and state!=stoped', 'did you mean stopped?'],
  ['not (state=nonsense)', 'state "nonsense" is not one of running'],
])('%s is refused', (filter, text) => {
  expect(() => parseFilter(filter, columns)).toThrow(text);
});

test('any text is a filter or is refused with its code', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('name', '=', '(', ')', ' ', 'and', 'or', 'not', '"', '~', '>'),
        maxLength: 12,
      }),
      (text) => {
        try {
          rows.filter(parseFilter(text, columns));
        } catch (error) {
          expect(isGantryError(error, 'invalid_argument')).toBe(true);
        }
      },
    ),
  );
});
