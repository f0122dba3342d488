import { type Boot, err } from '@gantry/model';
import type { Caller } from './caller.ts';

/**
 * A path on a node as kernel or initrd hands that file of the node to the guest, so it is an administrator’s to name.
 * @throws GantryError `forbidden`
 */
export function requireBootAllowed({ role }: Caller, boot: Boot | undefined): void {
  const path = [boot?.kernel, boot?.initrd].find((name) => name?.startsWith('/'));
  if (path === undefined || role === 'admin') return;
  throw err('forbidden', {
    action: `boot ${path} of the node`,
    why: 'only an administrator may name files of a node; `node` and `disk` are everybody’s',
  });
}
