import { err } from '@gantry/model';
import { attach } from '../../console/attach.ts';
import { openDoor } from '../../console/display.ts';
import type { Given } from '../../given.ts';
import { instanceArgument } from '../../names.ts';
import { parseCount } from '../../parse.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';

export const instanceConsole: Verb = {
  words: 'instance console',
  shortcut: 'console',
  summary: 'the serial console of an instance, Ctrl-] leaves it; or its display',
  details:
    'Several people may be at one console: all see what it says, all may type. Without a terminal what comes on standard input is typed,\n' +
    'and the answer of the next second is printed. With --vnc a port of this machine’s loopback leads to the display, through the\n' +
    'API and as whoever calls; other accounts of this machine could use it too, until Ctrl-C closes it.',
  arguments: [instanceArgument],
  flags: [
    { flags: '--vnc', description: 'the display, for a VNC viewer on this machine' },
    { flags: '--port <number>', description: 'with --vnc: the port, default a free one' },
  ],
  examples: [
    'gantry console web1',
    "printf 'uptime\\n' | gantry console web1",
    'gantry console web1 --vnc --port 5901',
  ],
  async run(session, given) {
    const name = given.arg(0, 'name');
    if (given.on('vnc')) return await display(session, given, name);
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

async function display(session: Session, given: Given, name: string): Promise<void> {
  const open = () => session.client.byteStream('instanceVnc', { params: { ref: name } });
  // refused now, and not when a viewer comes
  const { bytes } = await open();
  bytes.destroy();
  const { port = 0 } = given.put('port', 'port', parseCount);
  if (port > 65_535) throw err('invalid_argument', { what: `--port ${port}`, wanted: 'at most 65535' });
  const door = await openDoor(open, port, (message) => session.note(message));
  session.out.line(`vnc://127.0.0.1:${door.port}`);
  session.note(`the display of ${name}, for one viewer at a time; Ctrl-C ends it`);
  await new Promise<void>((resolve) => {
    const off = session.io.onInterrupt(() => {
      off();
      resolve();
    });
  });
  await door.close();
}
