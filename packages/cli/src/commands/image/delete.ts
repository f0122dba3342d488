import { imageNames } from '../../names.ts';
import { deleteVerb, nameArgument } from '../named.ts';

export const imageDelete = deleteVerb('image', 'deleteImage', nameArgument('image', imageNames), 'debian/12');
