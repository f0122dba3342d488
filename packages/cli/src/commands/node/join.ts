import { existsSync } from 'node:fs';
import { err } from '@gantry/model';
import { freePki } from '../../cluster/host-check.ts';
import { layoutOf, readNodeSettings } from '../../cluster/layout.ts';
import { joinNode } from '../../cluster/node.ts';
import { isBooted } from '../../cluster/systemd.ts';
import type { Verb } from '../../verb.ts';
import { stateFlag, stateOf } from '../cluster/state.ts';

export const nodeJoin: Verb = {
  words: 'node join',
  summary: 'make this machine a node: what the line of `gantry node add` runs at its end',
  details:
    'The join token comes in GANTRY_JOIN_TOKEN. A run that was interrupted is completed by the next one.',
  flags: [
    stateFlag,
    { flags: '--api <url>', description: 'the controller, https://HOST:PORT', required: true },
    { flags: '--ca <file>', description: 'certificate of the cluster’s CA', required: true },
    { flags: '--name <name>', description: 'name of the node', required: true },
    { flags: '--libvirt <socket>', description: 'socket of the libvirt daemon, default: the machine’s own' },
    { flags: '--cache <folder>', description: 'downloads and finished bases, default /var/cache/gantry' },
    {
      flags: '--pki <folder>',
      description:
        'certificates for libvirt and QEMU go there, default /etc/pki if nobody keeps his own there',
    },
    { flags: '--detach', description: 'run the agent detached, without systemd' },
  ],
  examples: ['gantry node join --api https://10.0.0.1:7460 --ca ca.pem --name n2'],
  async run(session, given) {
    const layout = layoutOf(stateOf(given));
    const token = session.io.env['GANTRY_JOIN_TOKEN'];
    if (!token)
      throw err('usage', {
        what: 'GANTRY_JOIN_TOKEN is not set; `gantry node add NAME` prints the whole line',
      });
    const ca = given.text('ca') ?? '';
    if (!existsSync(ca)) throw err('invalid_argument', { what: `--ca ${ca}`, wanted: 'a file' });
    const code = await joinNode(
      session,
      layout,
      {
        node: given.text('name') ?? '',
        controller: given.text('api') ?? '',
        mode: isBooted() && !given.on('detach') ? 'systemd' : 'detached',
        ...given.string('libvirt', 'libvirt'),
        ...given.string('cache', 'cache'),
        ...pkiFolder(given.text('pki') ?? readNodeSettings(layout)?.pki ?? freePki()),
      },
      { ca, token },
    );
    // the agent has said why
    process.exitCode = code;
  },
};

const pkiFolder = (pki: string | undefined) => (pki === undefined ? {} : { pki });
