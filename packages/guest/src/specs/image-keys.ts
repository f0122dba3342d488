/** Nova's image properties. */
import type { Key } from './key.ts';
import { families } from './keys/families.ts';

/** Names with these beginnings are Nova’s: an unknown one is refused. Others are the operator’s own and have no effect. */
export const imagePrefixes = ['hw_', 'os_', 'img_', 'trait:'] as const;

export const imageKeys: readonly Key[] = families.flatMap((family) => family.image);
