import { userNames } from '../../names.ts';
import { deleteVerb, nameArgument } from '../named.ts';

export const userDelete = {
  ...deleteVerb('user', 'deleteUser', nameArgument('user', userNames), 'eve'),
  summary: 'delete users and their tokens; what they made stays',
};
