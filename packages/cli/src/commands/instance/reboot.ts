import { actVerb, untilFlag } from './act.ts';

export const instanceReboot = actVerb('reboot', 'rebootInstance', {
  summary: 'reboot instances through their operating system',
  flags: [{ flags: '--force', description: 'reset instead of asking the guest' }, untilFlag],
  examples: ['gantry instance reboot web1', 'gantry instance reboot web1 --until ssh'],
});
