/** Commands and files for nodes, by hand: for administrators, unless the cluster's settings let operators too. Always audited. */
import type { Duplex } from 'node:stream';
import {
  COMMAND_LINE_LIMIT,
  CommandOutput,
  err,
  fromProblem,
  GantryError,
  matches,
  type Node,
  type NodeCommand,
} from '@gantry/model';
import { nowOf } from '../env.ts';
import { theCluster } from '../operations/guest-spec.ts';
import { Draft } from '../store/batch.ts';
import { type App, type Call, type Handler, resolve, type ServerEvent } from './call.ts';
import { refOf } from './list.ts';

type Asking = Pick<Call, 'app' | 'caller' | 'params' | 'signal' | 'commit'>;

/** What of a command stands in the event about it. */
const AUDIT_LENGTH = 1000;

async function targetOf(call: Asking): Promise<Node> {
  const { nodeCommands = 'admins' } = (await theCluster(call.app.store)).spec;
  const may = nodeCommands === 'operators' || (nodeCommands === 'admins' && call.caller.role === 'admin');
  if (!may) {
    const why = `the cluster lets ${nodeCommands} do so; \`gantry cluster access --node-commands\` changes it`;
    throw err('forbidden', { action: 'run commands on nodes', why });
  }
  return await resolve(call, 'node', refOf(call));
}

export const execOnNode: Handler<'execOnNode'> = async (call) => {
  const node = await targetOf(call);
  const message = `run on node ${node.name}: ${JSON.stringify(call.body.argv).slice(0, AUDIT_LENGTH)}`;
  await call.commit(new Draft(call.app.env.clock.now()), { subject: node, message });
  return { events: run(call, node, { do: 'exec', ...call.body }) };
};

async function* run(
  call: Asking & Pick<Call, 'requestId'>,
  node: Node,
  command: NodeCommand,
): AsyncGenerator<ServerEvent> {
  const tunnel = await open(call.app, node, command, call.signal);
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
    await conclude(call, node, `the command on node ${node.name} ended: ${ended}`);
  }
}

async function conclude(call: Asking & Pick<Call, 'requestId'>, node: Node, message: string): Promise<void> {
  const { env, store } = call.app;
  const draft = new Draft(env.clock.now());
  const subject = { kind: 'node', id: node.id, name: node.name };
  const { requestId } = call;
  draft.batch.events.push({
    ...{ at: nowOf(env), type: 'node.command', level: 'info', subject, message, requestId },
    actor: call.caller.token.name,
  });
  await store.commit(draft.batch);
}

export const putNodeFile: Handler<'putNodeFile'> = async (call) => {
  const node = await targetOf(call);
  const { path, sizeBytes } = call.query;
  const message = `write ${sizeBytes} bytes to ${path.slice(0, AUDIT_LENGTH)} on node ${node.name}`;
  await call.commit(new Draft(call.app.env.clock.now()), { subject: node, message });
  const tunnel = await open(call.app, node, { do: 'file', ...call.query }, call.signal);
  try {
    const sent = call.bytes ? send(tunnel, call.bytes) : Promise.resolve();
    sent.catch(() => tunnel.destroy());
    for await (const line of linesOf(tunnel)) {
      if ('problem' in line) throw thrown(line.problem);
      if ('written' in line) return { body: line.written };
    }
    throw err('act_unknown', { what: `writing ${path}`, node: node.name });
  } finally {
    tunnel.destroy();
  }
};

async function open(app: App, node: Node, command: NodeCommand, signal: AbortSignal): Promise<Duplex> {
  const tunnel = await app.tunnels.open(node, { kind: 'command' }, signal);
  // told to whoever reads it
  tunnel.on('error', () => undefined);
  signal.addEventListener('abort', () => tunnel.destroy(), { once: true });
  tunnel.write(`${JSON.stringify(command)}\n`);
  return tunnel;
}

async function send(tunnel: Duplex, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) {
    if (tunnel.destroyed) return;
    if (tunnel.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        tunnel.off('drain', go).off('close', go);
        resolve();
      };
      tunnel.once('drain', go).once('close', go);
    });
  }
}

/** What the agent says, line by line; ends with the tunnel. @throws Error for what is no such line */
async function* linesOf(tunnel: Duplex): AsyncGenerator<CommandOutput> {
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

const thrown = (problem: Parameters<typeof fromProblem>[0]): GantryError => {
  const { code, params } = fromProblem(problem);
  return err(code, params);
};
