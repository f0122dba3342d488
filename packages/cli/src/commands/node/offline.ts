import { roleVerb } from './role.ts';

export const nodeOffline = roleVerb('offline', 'offline', {
  summary: 'say that a node is switched off: it takes no guests and nobody waits for it',
  said: 'counts as switched off; `gantry node undrain` takes it back',
});
