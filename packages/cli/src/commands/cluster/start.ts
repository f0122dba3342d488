import { startDaemons } from '../../cluster/start.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterStart: Verb = {
  words: 'cluster start',
  summary: 'start controller and agent of this machine',
  flags: [stateFlag],
  examples: ['gantry cluster start', 'gantry cluster start --state /srv/gantry'],
  async run(session, given) {
    const { layout, settings } = localCluster(given, session.io);
    await startDaemons(layout, settings);
    session.note(`cluster ${settings.name} runs`);
  },
};
