import { actVerb, untilFlag } from './act.ts';

export const instanceReset = actVerb('reset', 'resetInstance', {
  summary: 'reset instances, as the button does: the guest is not asked',
  flags: [untilFlag],
  examples: ['gantry instance reset web1'],
});
