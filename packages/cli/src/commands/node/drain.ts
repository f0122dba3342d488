import { roleVerb } from './role.ts';

export const nodeDrain = roleVerb('drain', 'drained', {
  summary: 'let a node take no new guests',
  said: 'takes no new guests; those on it go on',
});
