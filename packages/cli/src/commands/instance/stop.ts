import { actVerb } from './act.ts';

export const instanceStop = actVerb('stop', 'stopInstance', {
  summary: 'stop instances: the guest is asked, and forced when it takes too long',
  flags: [
    { flags: '--force', description: 'pull the plug at once' },
    {
      flags: '--grace <duration>',
      description: 'how long the guest is asked before it is forced, default 60s',
    },
  ],
  examples: [
    'gantry instance stop web1',
    'gantry instance stop web1 --grace 5m',
    'gantry instance stop web1 --force',
  ],
});
