/** An operation for people. */
import { formatMs, type LogLine, type Operation, operationKinds, operationStates } from '@gantry/model';
import { stepMs, titleOf, tookMs } from '../../operations/words.ts';
import type { Column } from '../../output/column.ts';
import { ago, entries, join, section, subTable } from '../../output/describe.ts';
import { problemText } from '../../report-error.ts';

export const operationColumns: readonly Column<Operation>[] = [
  { name: 'op', value: (row) => row.spec.number },
  { name: 'status', value: (row) => row.status.state, values: operationStates },
  { name: 'kind', value: (row) => row.spec.kind, values: operationKinds },
  { name: 'target', value: (row) => row.spec.target.name },
  { name: 'took', value: (row) => tookMs(row, Date.now()), unit: 'ms' },
  { name: 'age', value: (row) => ago(row.createdAt, Date.now()) },
  { name: 'by', value: (row) => row.spec.requester },
  { name: 'error', value: (row) => row.status.error?.title, wide: true },
  { name: 'reason', value: (row) => row.spec.reason, wide: true },
  { name: 'id', value: (row) => row.id, wide: true },
];

export function describeOperation(operation: Operation, log: readonly LogLine[]): string {
  const { spec, status, createdAt } = operation;
  return join(
    entries([
      ['op', spec.number],
      ['what', titleOf(operation)],
      ['state', status.state],
      ['by', spec.requester],
      ['reason', spec.reason],
      ['begun', createdAt],
      ['ended', status.endedAt],
      ['took', formatMs(tookMs(operation, Date.now()))],
      ['deadline', status.endedAt ? undefined : spec.deadline],
      ['cancelled by', spec.cancelRequested?.by],
      ['attempts', status.attempts > 1 ? status.attempts : undefined],
      ['id', operation.id],
    ]),
    section('Steps', steps(operation)),
    status.error ? `\n${problemText(status.error)}` : '',
    section('Log', log.map((line) => `  ${line.at}  ${line.level.padEnd(6)} ${line.text}`).join('\n')),
  );
}

const steps = ({ status }: Operation): string =>
  subTable(
    ['STEP', 'STATE', 'TOOK', 'DETAIL'],
    status.steps.map((step) => {
      const took = stepMs(step);
      return [step.name, step.state, took === undefined ? '-' : formatMs(took), step.detail ?? ''];
    }),
  );
