import { actVerb } from './act.ts';

export const instanceResume = actVerb('resume', 'resumeInstance', {
  summary: 'let a paused instance go on',
  details:
    'An instance is paused by `gantry instance pause`, by its watchdog (hw:watchdog_action=pause) or by a disk that failed; `gantry instance show` says which.',
  examples: ['gantry instance resume web1'],
});
