/** What confirming a resize writes. */
import type { Instance } from '@gantry/model';
import type { App } from '../api/call.ts';
import { Draft } from '../store/batch.ts';
import { bindingAmong } from './binding.ts';
import { putBinding } from './held-hardware.ts';
import { keeping } from './rebound.ts';
import { sizeOf, withSize } from './sizes.ts';

export async function confirmed(
  { store, env }: Pick<App, 'store' | 'env'>,
  before: Instance,
): Promise<{ draft: Draft; after: Instance }> {
  const after = withSize(before, sizeOf(before), undefined);
  const draft = new Draft(env.clock.now()).put(after);
  const guest = bindingAmong((await store.list('guest', { owner: before.id })).items, before);
  if (guest?.spec.reserved) putBinding(draft, guest, keeping(after, guest, guest.spec.input, []));
  return { draft, after };
}
