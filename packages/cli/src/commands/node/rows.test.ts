import { err } from '@gantry/model';
import { expect, test } from 'vitest';
import { conclude, type NodeRow, refusedRow } from './rows.ts';

const done: NodeRow = { node: 'n1', result: '0', ok: true };
const late = err('invalid_argument', { what: '--timeout 0s', wanted: 'at least 1ms' });
const other = err('invalid_argument', { what: 'cwd', wanted: 'on this node' });
const forbidden = err('forbidden', { action: 'run commands', role: 'viewer' });
const gone = err('node_unreachable', { name: 'n1' });

/** What is thrown, and the rows that are shown. */
async function ended(rows: readonly NodeRow[]) {
  let shown: readonly unknown[] | undefined;
  const show = async (given: readonly unknown[]) => {
    shown = given;
  };
  const error = await conclude(rows, show).catch((thrown: unknown) => thrown);
  return { error, shown };
}

test('all is well: its rows', async () => {
  expect(await ended([done])).toEqual({ error: undefined, shown: [done] });
});

test.each([late, forbidden])('one refusal of the command itself is told once: $code', async (refusal) => {
  const rows = [refusedRow('n1', refusal), refusedRow('n2', refusal)];
  expect(await ended(rows)).toEqual({ error: refusal, shown: undefined });
});

test.each([
  ['a node cannot be reached', [refusedRow('n1', gone), refusedRow('n2', gone)], 2],
  ['they differ', [refusedRow('n1', late), refusedRow('n2', other)], 2],
  ['one was done', [refusedRow('n2', late), done], 1],
])('rows where %s', async (_, rows, count) => {
  const { error, shown } = await ended(rows);
  expect(error).toMatchObject({ code: 'command_failed', params: { count, of: 2 } });
  expect(shown).toHaveLength(2);
  expect(JSON.stringify(shown)).not.toContain('refusal');
});
