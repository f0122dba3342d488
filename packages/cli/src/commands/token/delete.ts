import { tokenNames } from '../../names.ts';
import { deleteVerb, nameArgument } from '../named.ts';

export const tokenDelete = deleteVerb('token', 'deleteToken', nameArgument('token', tokenNames), 'ci');
