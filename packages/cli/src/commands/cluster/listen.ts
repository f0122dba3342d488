import { listensFar } from '../../cluster/daemons.ts';
import { settingsOf } from '../../cluster/layout.ts';
import { setListen } from '../../cluster/listen.ts';
import { alone } from '../../cluster/machine-lock.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterListen: Verb = {
  words: 'cluster listen',
  summary:
    'let the controller answer at an address too, so that other machines can join; without one, no more',
  details:
    'On loopback it answers in clear, elsewhere by TLS. The controller is restarted; guests and agents go on.',
  arguments: [{ name: '[ADDRESS:PORT]', description: 'such as 10.0.0.1:7460' }],
  flags: [
    stateFlag,
    {
      flags: '--advertise <name>',
      description: 'name or address by which other machines reach it, default: that address',
      many: true,
    },
  ],
  examples: [
    'gantry cluster listen 10.0.0.1:7460',
    'gantry cluster listen 0.0.0.0:7460 --advertise gantry.example.org',
  ],
  async run(session, given) {
    const { layout, settings } = localCluster(given, session.io);
    const [listen] = given.args;
    const advertise = given.all('advertise');
    const wanted = { ...(listen ? { listen } : {}), ...(advertise.length > 0 ? { advertise } : {}) };
    const now = await alone(layout, () => setListen(layout, settingsOf(layout), wanted));
    if (!now.listen) session.note('the controller answers on its socket only');
    else session.note(`the controller answers at ${listensFar(now) ? 'https' : 'http'}://${now.listen}`);
    if (listensFar(now)) session.note('  gantry node add NAME');
    const { id, name } = settings;
    await session.out.done('cluster.listen', { cluster: { id, name }, listen: now.listen ?? null }, name);
  },
};
