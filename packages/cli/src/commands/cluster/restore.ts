import { layoutOf } from '../../cluster/layout.ts';
import { restore } from '../../cluster/restore.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { stateFlag, stateOf } from './state.ts';

export const clusterRestore: Verb = {
  words: 'cluster restore',
  summary: 'a backup of the store in place of the present one',
  details:
    'What happened since the backup is forgotten by the controller, not undone: guests that run go on, and none is started, stopped or deleted\n' +
    'by it. Each is told of as its node finds it; one that does not run stays down until somebody starts it. Disks and domains made since then are\n' +
    'reported by `gantry cluster verify` and left alone. The store that was there is kept beside the new one.',
  arguments: [{ name: 'FILE', description: 'what `gantry cluster backup` wrote' }],
  flags: [stateFlag, planFlag],
  examples: [
    'gantry cluster restore /root/gantry-monday.tar',
    'gantry cluster restore /root/gantry-monday.tar --plan',
  ],
  async run(session, given) {
    await restore(session, layoutOf(stateOf(given)), given.arg(0, 'file'), given.on('plan'));
  },
};
