/** What came of a command on each of its nodes, one row a node. */
import { err, errorRegistry, type GantryError } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { asGantryError } from '../../report-error.ts';

export interface NodeRow {
  node: string;
  /** For people: how it ended there. */
  result: string;
  ok: boolean;
  /** It was not done at all, because of this. */
  refusal?: GantryError;
}

export const nodeColumns: readonly Column<Pick<NodeRow, 'node' | 'result'>>[] = [
  { name: 'node', value: (row) => row.node },
  { name: 'result', value: (row) => row.result },
];

export function refusedRow(node: string, error: unknown): Required<NodeRow> {
  const refusal = asGantryError(error);
  return { node, result: `${refusal.message} [${refusal.code}]`, ok: false, refusal };
}

/**
 * Shows the rows and ends as they did; what was refused for the command's own sake, on all nodes, is told once, as it is.
 * @param show is given them as they are printed for programs
 * @throws GantryError `command_failed` where it did not succeed on every node, `forbidden`, or what is wrong with the words
 */
export async function conclude<R extends NodeRow>(
  rows: readonly R[],
  show: (rows: readonly Omit<R, 'refusal'>[]) => Promise<void>,
): Promise<void> {
  const [first, ...others] = rows.map(({ refusal }) => refusal);
  if (first && isOfTheCommand(first) && others.every((one) => one?.message === first.message)) throw first;
  await show(rows.map(({ refusal: _, ...row }) => row));
  const failed = rows.filter(({ ok }) => !ok);
  if (failed.length === 0) return;
  const where = failed.map(({ node }) => node).join(', ');
  throw err('command_failed', { count: failed.length, of: rows.length, where });
}

/** Not of a node: who asks may not, or what he asks for cannot be. */
const isOfTheCommand = ({ code, exit }: GantryError): boolean =>
  code === 'forbidden' || exit === errorRegistry.usage.exit;
