import { stopDaemons } from '../../cluster/start.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterStop: Verb = {
  words: 'cluster stop',
  summary: 'stop controller and agent of this machine; its guests go on',
  flags: [stateFlag],
  examples: ['gantry cluster stop'],
  async run(session, given) {
    const { layout, settings } = localCluster(given, session.io);
    const ran = await stopDaemons(layout, settings);
    session.note(ran.server || ran.agent ? 'stopped; guests go on' : 'they did not run');
  },
};
