/** What tasks have in common that move the operations of one kind on by themselves. */
import type { OperationKind } from '@gantry/model';
import { Conflict, retrying } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';

/** @throws what kept the first of them from going on, after all of them were tried */
export async function eachRunning(
  store: Pick<Store, 'list'>,
  kind: OperationKind,
  goOn: (id: string) => Promise<void>,
): Promise<void> {
  const { items } = await store.list('operation', { states: ['running'] });
  const failures: unknown[] = [];
  for (const { id } of items.filter(({ spec }) => spec.kind === kind))
    await retrying(() => goOn(id)).catch((error: unknown) => {
      // others were quicker too often; the next run looks again
      if (!(error instanceof Conflict)) failures.push(error);
    });
  if (failures.length > 0) throw failures[0];
}
