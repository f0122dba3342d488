import { err } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';

export const instanceSetPassword: Verb = {
  words: 'instance set-password',
  summary: 'set the password of an account inside, through the guest agent',
  details:
    'The password is asked for on a terminal, or read as one line from standard input. It passes through the controller to the guest and is kept nowhere.',
  arguments: [instanceArgument],
  flags: [{ flags: '--user <name>', description: 'account in the guest, default root' }],
  examples: [
    'gantry instance set-password web1 --user admin',
    'pass show web1 | gantry instance set-password web1',
  ],
  async run(session, given) {
    const user = given.text('user') ?? 'root';
    const ref = given.arg(0, 'name');
    const body = { user, password: await readPassword(session, `New password of ${user} in ${ref}: `) };
    await session.client.call('setInstancePassword', { params: { ref }, body });
    session.note(`the password of ${user} in ${ref} is set`);
    await session.out.done('instance.set-password', { instance: ref, user }, ref);
  },
};

async function readPassword(session: Session, question: string): Promise<string> {
  const { stdin } = session.io;
  if (stdin.isTTY) return await session.askSecret(question);
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > 4096) throw err('usage', { what: 'the password on standard input is too long' });
  }
  const [line = '', ...rest] = text.replace(/\r?\n$/, '').split(/\r?\n/);
  if (line === '' || rest.length > 0)
    throw err('usage', { what: 'the password is to be one line on standard input' });
  return line;
}
