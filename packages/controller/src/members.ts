import type { Draft } from './store/batch.ts';
import type { Store } from './store/store.ts';

/** A node that comes to a group and the group's deletion compare the same number: one of them is decided again. */
export async function countMembers(store: Store, draft: Draft, group: string, more: 0 | 1): Promise<void> {
  const name = `members:${group}`;
  const from = await store.counter(name);
  draft.batch.counters.push({ name, from, to: from + more });
}
