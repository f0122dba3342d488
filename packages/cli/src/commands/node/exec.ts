import { type ExecEnd, type Node, parseDurationMs } from '@gantry/model';
import { printable } from '../../output/printable.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { chosenFlags, chosenNodes, forEachNode } from './chosen.ts';
import { conclude, type NodeRow, nodeColumns, refusedRow } from './rows.ts';

interface Row extends NodeRow {
  stdout: string;
  stderr: string;
}

export const nodeExec: Verb = {
  words: 'node exec',
  summary: 'run a command as root on nodes, on many at a time',
  details:
    'What follows -- is the program and its arguments; no shell is between. Output comes line by line with the name of its node\n' +
    'in front. The exit code is 0 only if it was 0 on every node. Off for all but administrators: `gantry cluster access`.',
  arguments: [{ name: 'COMMAND...', description: 'program and arguments, after --' }],
  flags: [
    ...chosenFlags,
    { flags: '--timeout <duration>', description: 'killed after so long, default 60s' },
  ],
  examples: [
    'gantry node exec --group rack1 -- ip -br link',
    'gantry node exec --node n2 --timeout 10m -- apt-get -y upgrade',
  ],
  async run(session, given) {
    const nodes = await chosenNodes(session, given);
    const body = { argv: [...given.args], ...given.put('timeoutMs', 'timeout', parseDurationMs) };
    const rows = await forEachNode(nodes, given, (node) => runOn(session, node, body));
    await conclude(rows, async (shown) => {
      if (session.out.forPeople) report(session, rows);
      else await session.out.list(shown, nodeColumns);
    });
  },
};

function report(session: Session, rows: readonly Row[]): void {
  const width = Math.max(0, ...rows.map(({ node }) => node.length));
  for (const { node, result } of rows) session.note(`  ${node.padEnd(width)}  ${result}`);
}

async function runOn(
  session: Session,
  { id, name }: Node,
  body: { argv: string[]; timeoutMs?: number },
): Promise<Row> {
  const live = session.out.forPeople;
  const stdout = new Lines((line) => live && session.io.stdout.write(`${name}: ${printable(line)}\n`));
  const stderr = new Lines((line) => live && session.io.stderr.write(`${name}: ${printable(line)}\n`));
  let row: NodeRow = { node: name, result: 'its end was not seen', ok: false };
  try {
    for await (const { event, data } of session.client.events('execOnNode', { params: { ref: id }, body })) {
      const value: unknown = JSON.parse(data);
      if (event === 'out') stdout.push(Buffer.from(String(value), 'base64'));
      else if (event === 'err') stderr.push(Buffer.from(String(value), 'base64'));
      else if (event === 'end') row = { node: name, ...verdict(value as ExecEnd) };
    }
  } catch (error) {
    row = refusedRow(name, error);
  }
  return { ...row, stdout: stdout.end(), stderr: stderr.end() };
}

/** `0`, `exit 2`, `SIGKILL`, `timed out`. */
function verdict({ code, signal, timedOut }: ExecEnd): Pick<NodeRow, 'result' | 'ok'> {
  if (timedOut) return { result: 'timed out', ok: false };
  if (signal) return { result: signal, ok: false };
  return code === 0 ? { result: '0', ok: true } : { result: `exit ${code}`, ok: false };
}

/** Tells whole lines as they come, and keeps all. */
class Lines {
  readonly #tell: (line: string) => unknown;
  readonly #chunks: Buffer[] = [];
  readonly #decoder = new TextDecoder();
  #left = '';

  constructor(tell: (line: string) => unknown) {
    this.#tell = tell;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    const lines = (this.#left + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#left = lines.pop() ?? '';
    for (const line of lines) this.#tell(line);
  }

  end(): string {
    if (this.#left !== '') this.#tell(this.#left);
    this.#left = '';
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
