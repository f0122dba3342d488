import { projectNames } from '../../names.ts';
import { deleteVerb, nameArgument } from '../named.ts';

export const projectDelete = deleteVerb(
  'project',
  'deleteProject',
  nameArgument('project', projectNames),
  'web',
);
