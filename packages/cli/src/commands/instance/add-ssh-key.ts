import { err } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import { parseSshKeys } from '../../parse.ts';
import type { Verb } from '../../verb.ts';

export const instanceAddSshKey: Verb = {
  words: 'instance add-ssh-key',
  summary: 'let ssh keys into an account inside, through the guest agent',
  arguments: [instanceArgument],
  flags: [
    { flags: '--ssh-key <key>', description: 'public key, or a file with some', many: true, required: true },
    { flags: '--user <name>', description: 'account in the guest, default root' },
  ],
  examples: ['gantry instance add-ssh-key web1 --ssh-key ~/.ssh/id_ed25519.pub'],
  async run(session, given) {
    const keys = given.all('sshKey').flatMap(parseSshKeys);
    if (keys.length === 0) throw err('usage', { what: 'no key was given' });
    const user = given.text('user') ?? 'root';
    const ref = given.arg(0, 'name');
    await session.client.call('addInstanceKeys', { params: { ref }, body: { user, keys } });
    session.note(`${keys.length === 1 ? 'the key opens' : `${keys.length} keys open`} ${user} in ${ref}`);
    await session.out.done('instance.add-ssh-key', { instance: ref, user, keys: keys.length }, ref);
  },
};
