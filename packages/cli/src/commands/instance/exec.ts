import { readFileSync } from 'node:fs';
import { type ExecEnd, err, parseDurationMs } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import { PrintableBytes } from '../../output/printable.ts';
import type { Verb } from '../../verb.ts';

/** As the API takes it. */
const MOST_INPUT_BYTES = 512 * 1024;

export const instanceExec: Verb = {
  words: 'instance exec',
  summary: 'run a command inside an instance, through its guest agent',
  details:
    'What follows -- is the program and its arguments; no shell is between. It runs as the agent does, usually as root, and only where\n' +
    'the image’s agent permits `guest-exec`. Its output comes when it has ended.',
  arguments: [instanceArgument, { name: 'COMMAND...', description: 'program and arguments, after --' }],
  flags: [
    { flags: '--timeout <duration>', description: 'killed after so long, default 60s' },
    { flags: '--input <file>', description: 'what it reads on standard input; - for this one’s' },
  ],
  examples: [
    'gantry instance exec web1 -- systemctl is-active nginx',
    'gantry instance exec web1 --input site.conf -- tee /etc/nginx/conf.d/site.conf',
  ],
  async run(session, given) {
    const name = given.arg(0, 'name');
    const body = {
      argv: given.args.slice(1),
      ...given.put('timeoutMs', 'timeout', parseDurationMs),
      ...given.put('input', 'input', inputOf),
    };
    const { client, io } = session;
    const [out, errors] = [new PrintableBytes(io.stdout), new PrintableBytes(io.stderr)];
    for await (const { event, data } of client.events('execInInstance', { params: { ref: name }, body })) {
      const value: unknown = JSON.parse(data);
      if (event === 'out') io.stdout.write(out.push(fromBase64(value)));
      else if (event === 'err') io.stderr.write(errors.push(fromBase64(value)));
      else if (event === 'end') {
        io.stdout.write(out.end());
        io.stderr.write(errors.end());
        return conclude(name, value as ExecEnd, (text) => session.note(text));
      }
    }
    throw err('act_unknown', { what: 'the command', node: name });
  },
};

function inputOf(file: string): string {
  try {
    const bytes = readFileSync(file === '-' ? 0 : file);
    if (bytes.length <= MOST_INPUT_BYTES) return bytes.toString('base64');
  } catch (error) {
    throw err('invalid_argument', { what: file, wanted: `readable: ${(error as Error).message}` }, error);
  }
  throw err('invalid_argument', { what: file, wanted: 'at most 512 KiB: copy larger files by ssh' });
}

const fromBase64 = (value: unknown): Uint8Array => Buffer.from(String(value), 'base64');

function conclude(
  name: string,
  { code, signal, timedOut, cut }: ExecEnd,
  note: (text: string) => void,
): void {
  if (cut) note('it wrote more than the guest’s agent keeps: the rest is lost');
  if (code === 0 && !timedOut) return;
  const how = timedOut ? 'its time was over' : (signal ?? `exit code ${code}`);
  throw err('guest_command_failed', { name, how });
}
