import { bootOnceFlag } from '../boot-flags.ts';
import { actVerb, untilFlag } from './act.ts';

export const instanceStart = actVerb('start', 'startInstance', {
  summary: 'start instances',
  details:
    'With --boot-once it boots from elsewhere, and as always again when its guest reboots or powers off: that ends an installation. A suspended instance goes on with its saved memory and the hardware that it had; with --discard-saved it boots anew.',
  flags: [
    untilFlag,
    bootOnceFlag,
    { flags: '--discard-saved', description: 'boot a suspended instance anew: its saved memory is lost' },
  ],
  examples: [
    'gantry instance start web1',
    'gantry instance start web1 web2 --until ping',
    'gantry instance start web1 --discard-saved',
    'gantry instance start web1 --boot-once cd',
  ],
});
