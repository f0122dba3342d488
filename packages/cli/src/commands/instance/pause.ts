import { actVerb } from './act.ts';

export const instancePause = actVerb('pause', 'pauseInstance', {
  summary: 'stop the virtual CPUs of an instance; its memory stays',
  details:
    'To the guest no time passes until `gantry instance resume`; its clock is behind by as much. Its memory stays in use on the node.',
  examples: ['gantry instance pause web1'],
});
