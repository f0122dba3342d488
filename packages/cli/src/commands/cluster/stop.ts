import { settingsOf } from '../../cluster/layout.ts';
import { alone } from '../../cluster/machine-lock.ts';
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
    const ran = await alone(layout, () => stopDaemons(layout, settingsOf(layout)));
    session.note(ran.server || ran.agent ? 'stopped; guests go on' : 'they did not run');
    const { id, name } = settings;
    await session.out.done('cluster.stop', { cluster: { id, name }, ran }, name);
  },
};
