import { becomeDaemon } from '../../hand-over.ts';
import type { Verb } from '../../verb.ts';

/** Options here, and the agent's own for the same. */
const options = [
  ['mechanism', '--mechanism'],
  ['user', '--user'],
  ['credentialsFile', '--credentials-file'],
  ['serviceUser', '--service-user'],
  ['libvirt', '--libvirt'],
] as const;

export const nodeLibvirtAuth: Verb = {
  words: 'node libvirt-auth',
  summary: 'let the agent of this machine in where libvirt asks who comes',
  details:
    'sasl: an account for SCRAM-SHA-256 in libvirt’s database, its password in ~/.config/libvirt/auth.conf of the user whom\n' +
    'the agent runs as, and auth_unix_rw = "sasl". The rest of all these files stays as it was.\n' +
    'polkit: a rule that lets a user other than root use libvirt.\n' +
    'Run it on the node, as root, as often as you like.',
  flags: [
    {
      flags: '--mechanism <mechanism>',
      description: 'how libvirt asks',
      choices: ['sasl', 'polkit'],
      required: true,
    },
    { flags: '--user <account>', description: 'name of the SASL account, default gantry' },
    {
      flags: '--credentials-file <file>',
      description: 'account and password in the form of auth.conf, default: a new password',
    },
    { flags: '--service-user <user>', description: 'whom the agent runs as, default root' },
    { flags: '--libvirt <socket>', description: 'socket of the libvirt daemon, default: the machine’s own' },
    { flags: '--plan', description: 'say what would be done, and do nothing' },
  ],
  examples: [
    'gantry node libvirt-auth --mechanism sasl',
    'gantry node libvirt-auth --mechanism sasl --user nova --credentials-file nova.conf --plan',
    'gantry node libvirt-auth --mechanism polkit --service-user gantry',
  ],
  run: (_, given) => {
    const words = options.flatMap(([name, option]) => {
      const value = given.text(name);
      return value === undefined ? [] : [`${option}=${value}`];
    });
    return becomeDaemon('agent', ['libvirt-auth', ...words, ...(given.on('plan') ? ['--plan'] : [])]);
  },
};
