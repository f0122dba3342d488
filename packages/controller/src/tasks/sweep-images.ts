import type { App } from '../api/call.ts';
import type { Task } from './task.ts';

/** Removes contents that no image has (any more), and what broken uploads left. */
export function sweepImages({ store, images }: Pick<App, 'store' | 'images'>): Task {
  let removed = 0;
  return {
    name: 'sweep-images',
    periodMs: 3_600_000,
    wants: ({ changes }) => changes.some(({ op, meta }) => op === 'delete' && meta.kind === 'image'),
    async run() {
      removed += await images.sweep(async () => {
        const { items } = await store.list('image');
        return new Set(items.flatMap(({ status }) => status.sha256 ?? []));
      });
    },
    status: () => ({ removed }),
  };
}
