/** Nova's flavor extra specs. */
import type { Key } from './key.ts';
import { families } from './keys/families.ts';

/** Namespaces in which an unknown key is refused; other namespaces and bare names are the operator’s own. */
export const flavorNamespaces = [
  'accel',
  'aggregate_instance_extra_specs',
  'capabilities',
  'hw',
  'hw_rng',
  'hw_video',
  'os',
  'pci_passthrough',
  'quota',
  'resources',
  'trait',
  'vmware',
] as const;

export const flavorKeys: readonly Key[] = families.flatMap((family) => family.flavor);
