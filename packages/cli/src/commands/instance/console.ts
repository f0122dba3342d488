import { err } from '@gantry/model';
import { attach } from '../../console/attach.ts';
import { instanceArgument } from '../../names.ts';
import type { Verb } from '../../verb.ts';

export const instanceConsole: Verb = {
  words: 'instance console',
  shortcut: 'console',
  summary: 'the serial console of an instance; Ctrl-] leaves it',
  details:
    'Without a terminal what comes on standard input is typed, and the answer of the next second is printed.',
  arguments: [instanceArgument],
  examples: ['gantry console web1', "printf 'uptime\\n' | gantry console web1"],
  async run(session, given) {
    const name = given.arg(0, 'name');
    const stream = await session.client.byteStream('instanceConsole', { params: { ref: name } });
    if (session.io.stdin.isTTY)
      session.note(`console of ${name}: leave with Ctrl-], press Enter for a prompt`);
    const { how, reason } = await attach(session.io, stream);
    if (how === 'detached') session.note(`\nleft; ${name} goes on. Back with: gantry console ${name}`);
    if (how === 'closed') {
      session.note(`\nthe console of ${name} was closed${reason ? `: ${reason}` : ''}`);
      if (reason) throw err('operation_failed', { kind: `console of ${name}`, why: reason, operation: '' });
    }
  },
};
