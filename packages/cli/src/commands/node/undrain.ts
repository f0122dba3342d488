import { roleVerb } from './role.ts';

export const nodeUndrain = roleVerb('undrain', 'active', {
  summary: 'let a node take guests again',
  said: 'takes guests again',
});
