import { flavorNames } from '../../names.ts';
import { deleteVerb, nameArgument } from '../named.ts';

export const flavorDelete = deleteVerb(
  'flavor',
  'deleteFlavor',
  nameArgument('flavor', flavorNames),
  'small',
);
