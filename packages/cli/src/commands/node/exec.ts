import { type ExecEnd, type GantryError, type Node, parseDurationMs } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { printable } from '../../output/printable.ts';
import { asGantryError } from '../../report-error.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import {
  chosenFlags,
  chosenNodes,
  forEachNode,
  type NodeRow,
  requireAllOk,
  requireNotForbidden,
  withoutRefusals,
} from './chosen.ts';

interface Row extends NodeRow {
  /** `0`, `exit 2`, `SIGKILL`, `timed out`, or the code of a refusal. */
  result: string;
  stdout: string;
  stderr: string;
}

const columns: readonly Column<Row>[] = [
  { name: 'node', value: (row) => row.node },
  { name: 'result', value: (row) => row.result },
];

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
    requireNotForbidden(rows);
    if (session.out.forPeople) report(session, rows);
    else await session.out.list(withoutRefusals(rows), columns);
    requireAllOk(rows);
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
  let result = 'its end was not seen';
  let ok = false;
  let refusal: GantryError | undefined;
  try {
    for await (const { event, data } of session.client.events('execOnNode', { params: { ref: id }, body })) {
      const value: unknown = JSON.parse(data);
      if (event === 'out') stdout.push(Buffer.from(String(value), 'base64'));
      else if (event === 'err') stderr.push(Buffer.from(String(value), 'base64'));
      else if (event === 'end') [result, ok] = verdict(value as ExecEnd);
    }
  } catch (error) {
    refusal = asGantryError(error);
    result = `${refusal.message} [${refusal.code}]`;
  }
  const row = { node: name, result, ok, stdout: stdout.end(), stderr: stderr.end() };
  return refusal ? { ...row, refusal } : row;
}

function verdict({ code, signal, timedOut }: ExecEnd): [string, boolean] {
  if (timedOut) return ['timed out', false];
  if (signal) return [signal, false];
  return code === 0 ? ['0', true] : [`exit ${code}`, false];
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
