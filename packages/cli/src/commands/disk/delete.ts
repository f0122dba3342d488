import { deleteVerb } from '../named.ts';
import { freeDiskArgument } from './names.ts';

export const diskDelete = deleteVerb('disk', 'deleteDisk', freeDiskArgument, 'data');
