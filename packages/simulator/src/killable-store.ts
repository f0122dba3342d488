/** The store as one life of the controller sees it: every commit is a gate, and after death nothing answers. */
import type { Store } from '@gantry/controller';
import type { Life } from './faults.ts';

export function killableStore(store: Store, mine: Life): Store {
  const never = () => new Promise<never>(() => undefined);
  return new Proxy(store, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (key === 'commit')
        return (batch: Parameters<Store['commit']>[0]) =>
          mine.effect('commit', { whole: () => target.commit(batch) });
      if (key === 'subscribe')
        return (listener: Parameters<Store['subscribe']>[0]) =>
          target.subscribe((notice) => !mine.signal.aborted && listener(notice));
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => (mine.signal.aborted ? never() : Reflect.apply(value, target, args));
    },
  });
}
