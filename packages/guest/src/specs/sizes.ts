/** Where the sizes of an instance come from. */
import { origin } from '../origin.ts';

export const bySize = (source: string) =>
  origin('flavor', source, 'size of the instance, from its flavor or its command');
