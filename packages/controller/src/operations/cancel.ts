/** The word that an operation is to be cancelled; its logic, or its task, acts on it. */
import type { Node, Operation } from '@gantry/model';
import type { Store } from '../store/store.ts';

export const cancelled = (
  operation: Operation,
  cancelRequested: NonNullable<Operation['spec']['cancelRequested']>,
): Operation => ({
  ...operation,
  generation: operation.generation + 1,
  spec: { ...operation.spec, cancelRequested },
});

/** What empties the node now and was not told yet to begin no further moves. */
export async function evacuationOf(store: Store, { id }: Node): Promise<Operation | undefined> {
  const { items } = await store.list('operation', { owner: id, states: ['running'] });
  return items.find(({ spec }) => spec.kind === 'node.evacuate' && spec.cancelRequested === undefined);
}
