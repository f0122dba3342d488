import { hostname } from 'node:os';
import { err, NAME_PATTERN } from '@gantry/model';
import { initCluster } from '../../cluster/init.ts';
import { layoutOf, type Mode, readSettings } from '../../cluster/layout.ts';
import { isBooted } from '../../cluster/systemd.ts';
import type { Given } from '../../given.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { stateFlag, stateOf } from './state.ts';

const DEFAULT_NAME = 'gantry';
const DEFAULT_BRIDGE = 'gantry0';
const DEFAULT_SUBNET = '192.168.77.0/24';

export const clusterInit: Verb = {
  words: 'cluster init',
  summary: 'make this machine a cluster of one',
  details:
    'Asks at most three questions, with --yes none. A run that was interrupted is completed by the next one.\n' +
    'The controller runs as system user gantry, the agent as root: as systemd units, or detached with pid files and logs.',
  flags: [
    stateFlag,
    { flags: '--name <name>', description: `name of the cluster, default ${DEFAULT_NAME}` },
    { flags: '--node <name>', description: 'name of this machine as a node, default: its host name' },
    {
      flags: '--bridge <bridge>',
      description: `bridge for the guests, made by Gantry, default ${DEFAULT_BRIDGE}`,
    },
    {
      flags: '--subnet <cidr>',
      description: `their IPv4 subnet, with NAT and DHCP, default ${DEFAULT_SUBNET}`,
    },
    {
      flags: '--listen <address>',
      description:
        'also answer there: on loopback in clear, elsewhere by TLS, so that other machines can join',
    },
    {
      flags: '--advertise <name>',
      description: 'name or address by which other machines reach it, default: the one of --listen',
      many: true,
    },
    { flags: '--libvirt <socket>', description: 'socket of the libvirt daemon, default: the machine’s own' },
    { flags: '--cache <folder>', description: 'downloads and finished bases, default /var/cache/gantry' },
    { flags: '--pki <folder>', description: 'certificates for libvirt and QEMU go there, such as /etc/pki' },
    { flags: '--systemd', description: 'run as systemd units (the default where there is systemd)' },
    { flags: '--detach', description: 'run detached, without systemd' },
    { flags: '--foreground', description: 'run until Ctrl-C' },
  ],
  examples: [
    'gantry cluster init',
    'gantry cluster init --yes',
    'gantry cluster init --yes --state /srv/gantry --detach',
    'gantry cluster init --yes --listen 10.0.0.1:7460',
  ],
  async run(session, given) {
    const state = stateOf(given);
    const complete = readSettings(layoutOf(state))?.complete === true;
    const asks = !complete && !session.globals.yes && session.io.stdin.isTTY === true;
    const question = async (option: string, text: string, fallback: string) => {
      const stated = given.text(option);
      return stated ?? (asks ? (await session.ask(`${text} [${fallback}] `)).trim() || fallback : fallback);
    };
    const name = await question('name', 'Name of the cluster', DEFAULT_NAME);
    if (!new RegExp(NAME_PATTERN).test(name))
      throw err('invalid_argument', {
        what: `the name ${JSON.stringify(name.slice(0, 64))}`,
        wanted: 'a host name: lower-case letters, digits, hyphens, dots',
      });
    const subnet = await question('subnet', 'Subnet for the guests, with NAT', DEFAULT_SUBNET);
    await initCluster(session, state, {
      name,
      node: given.text('node') ?? nodeName(),
      mode: await modeOf(session, given, asks),
      bridge: given.text('bridge') ?? DEFAULT_BRIDGE,
      subnet,
      ...given.string('listen', 'listen'),
      ...(given.all('advertise').length > 0 ? { advertise: given.all('advertise') } : {}),
      ...given.string('libvirt', 'libvirt'),
      ...given.string('pki', 'pki'),
      ...given.string('cache', 'cache'),
    });
  },
};

/** The host name as a node's name. */
const nodeName = (): string => {
  const short = (hostname().split('.')[0] ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .replace(/^-+|-+$/g, '');
  return short || 'node1';
};

async function modeOf(session: Session, given: Given, asks: boolean): Promise<Mode> {
  if (given.on('foreground')) return 'foreground';
  if (given.on('detach')) return 'detached';
  if (!given.on('systemd') && !isBooted()) return 'detached';
  if (!isBooted()) throw err('host_unfit', { why: 'systemd does not run here', remedy: 'Use --detach.' });
  if (given.on('systemd') || !asks) return 'systemd';
  const answer = await session.ask('Start it at every boot, by systemd? [Y/n] ');
  return /^n/i.test(answer.trim()) ? 'detached' : 'systemd';
}
