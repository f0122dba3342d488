/** Disks by name, and by their place in an instance. */
import { err } from '@gantry/model';
import { diskNames, diskPlaces } from '../../names.ts';
import type { Argument } from '../../verb.ts';

export const diskArgument: Argument = {
  name: 'DISK',
  description: 'name or id of the disk, or its place in an instance: INSTANCE:N',
  complete: diskPlaces,
};
export const freeDiskArgument: Argument = {
  name: 'DISK',
  description: 'name or id of the disk',
  complete: diskNames,
};
export const placeArgument: Argument = {
  name: 'INSTANCE:N',
  description: 'a disk of an instance, by its place there',
  complete: diskPlaces,
};

/** `web1:1` as instance and place. @throws GantryError `invalid_argument` */
export function placeOf(text: string): { ref: string; place: string } {
  const match = /^(.+):(\d{1,3})$/.exec(text);
  if (match?.[1] && match[2]) return { ref: match[1], place: match[2] };
  throw err('invalid_argument', {
    what: JSON.stringify(text.slice(0, 128)),
    wanted: 'an instance and a place in it, such as web1:1',
  });
}
