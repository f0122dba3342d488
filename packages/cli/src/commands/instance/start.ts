import { actVerb, untilFlag } from './act.ts';

export const instanceStart = actVerb('start', 'startInstance', {
  summary: 'start instances',
  flags: [untilFlag],
  examples: ['gantry instance start web1', 'gantry instance start web1 web2 --until ping'],
});
