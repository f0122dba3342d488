/** What runs by hand on a node or in a guest: its output as server-sent events, its end as an event of the audit. */
import type { Duplex } from 'node:stream';
import {
  COMMAND_LINE_LIMIT,
  CommandOutput,
  err,
  fromProblem,
  GantryError,
  type Instance,
  matches,
  type Node,
  type NodeCommand,
} from '@gantry/model';
import { nowOf } from '../env.ts';
import { Draft } from '../store/batch.ts';
import type { App, Call, ServerEvent } from './call.ts';
import { actorOf } from './caller.ts';

type Asking = Pick<Call, 'app' | 'caller' | 'requestId' | 'signal'>;

/** What of a command stands in the event about it. */
export const AUDIT_LENGTH = 1000;

/** Output as events `out` and `err` (base64), then `end`. @throws GantryError what the node refuses with, `act_unknown` */
export async function* runCommand(
  call: Asking,
  subject: Instance | Node,
  node: Node,
  command: NodeCommand,
): AsyncGenerator<ServerEvent> {
  const tunnel = await openCommand(call.app, node, command, call.signal);
  let ended = 'its end was not seen';
  try {
    for await (const line of linesOf(tunnel)) {
      if ('problem' in line) throw thrown(line.problem);
      if ('end' in line) {
        ended = JSON.stringify(line.end);
        yield { event: 'end', data: line.end };
        return;
      }
      if ('out' in line) yield { event: 'out', data: line.out };
      else if ('err' in line) yield { event: 'err', data: line.err };
    }
    throw err('act_unknown', { what: 'the command', node: node.name });
  } finally {
    tunnel.destroy();
    await conclude(call, subject, `the command on ${subject.kind} ${subject.name} ended: ${ended}`);
  }
}

async function conclude(
  { app: { env, store }, caller, requestId }: Asking,
  { kind, id, name, project }: Instance | Node,
  message: string,
): Promise<void> {
  const draft = new Draft(env.clock.now());
  draft.batch.events.push({
    ...{ at: nowOf(env), type: `${kind}.command`, level: 'info', message, requestId },
    ...{ subject: { kind, id, name }, actor: actorOf(caller) },
    ...(project ? { project } : {}),
  });
  await store.commit(draft.batch);
}

/** The command is on its way; what comes back are lines. @throws GantryError `node_unreachable` */
export async function openCommand(
  app: App,
  node: Node,
  command: NodeCommand,
  signal: AbortSignal,
): Promise<Duplex> {
  const tunnel = await app.tunnels.open(node, { kind: 'command' }, signal);
  // told to whoever reads it
  tunnel.on('error', () => undefined);
  signal.addEventListener('abort', () => tunnel.destroy(), { once: true });
  tunnel.write(`${JSON.stringify(command)}\n`);
  return tunnel;
}

/** What the agent says, line by line; ends with the tunnel. @throws Error for what is no such line */
export async function* linesOf(tunnel: Duplex): AsyncGenerator<CommandOutput> {
  let left = '';
  try {
    for await (const chunk of tunnel.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      left += chunk.toString('latin1');
      const lines = left.split('\n');
      left = lines.pop() ?? '';
      if (left.length > 2 * COMMAND_LINE_LIMIT) throw new Error('the node sent a line without end');
      for (const text of lines) {
        const line: unknown = JSON.parse(Buffer.from(text, 'latin1').toString('utf8'));
        if (!matches(CommandOutput, line)) throw new Error('the node sent what is no answer');
        yield line;
      }
    }
  } catch (error) {
    if (!tunnel.destroyed || error instanceof GantryError) throw error;
  }
}

/** A problem that the node told. */
export const thrown = (problem: Parameters<typeof fromProblem>[0]): GantryError => {
  const { code, params } = fromProblem(problem);
  return err(code, params);
};
