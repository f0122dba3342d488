import { groupNames } from '../../names.ts';
import { deleteVerb, nameArgument } from '../named.ts';

export const groupDelete = deleteVerb('group', 'deleteGroup', nameArgument('group', groupNames), 'rack1');
