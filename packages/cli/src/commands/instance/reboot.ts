import { bootOnceFlag } from '../boot-flags.ts';
import { actVerb, untilFlag } from './act.ts';

export const instanceReboot = actVerb('reboot', 'rebootInstance', {
  summary: 'reboot instances through their operating system',
  details:
    'With --boot-once it is stopped and started from elsewhere, and boots as always again when its guest reboots or powers off.',
  flags: [{ flags: '--force', description: 'reset instead of asking the guest' }, untilFlag, bootOnceFlag],
  examples: [
    'gantry instance reboot web1',
    'gantry instance reboot web1 --until ssh',
    'gantry instance reboot web1 --boot-once network',
  ],
});
