import { settingsOf } from '../../cluster/layout.ts';
import { alone } from '../../cluster/machine-lock.ts';
import { startDaemons } from '../../cluster/start.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterStart: Verb = {
  words: 'cluster start',
  summary: 'start controller and agent of this machine',
  flags: [stateFlag],
  examples: ['gantry cluster start', 'gantry cluster start --state /srv/gantry'],
  async run(session, given) {
    const { layout } = localCluster(given, session.io);
    const { id, name } = await alone(layout, async () => {
      const settings = settingsOf(layout);
      await startDaemons(layout, settings);
      return settings;
    });
    session.note(`cluster ${name} runs`);
    await session.out.done('cluster.start', { cluster: { id, name } }, name);
  },
};
