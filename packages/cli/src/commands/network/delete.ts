import { networkNames } from '../../names.ts';
import { deleteVerb, nameArgument } from '../named.ts';

export const networkDelete = deleteVerb(
  'network',
  'deleteNetwork',
  nameArgument('network', networkNames),
  'lab',
);
