/**
 * Asks a node over a tunnel and waits for its answer: one line of JSON each way, bounded in size and time. A node may
 * lie or be silent; what it answers is checked, and it is never waited for longer than the limit.
 */
import type { Duplex } from 'node:stream';
import {
  err,
  fromProblem,
  matches,
  NODE_CALL_LIMIT_BYTES,
  type Node,
  type NodeAnswer,
  type NodeCall,
  NodeReply,
  nodeAnswers,
} from '@gantry/model';
import type { App } from './api/call.ts';

/** Guest agents are given 5 s, libvirt 30 s; hardly anything that is asked so takes longer. */
const ANSWER_MS = 20_000;

/** @throws GantryError `node_unreachable`, or what the node refuses with */
export async function askNode<N extends NodeCall['do']>(
  app: Pick<App, 'tunnels' | 'env'>,
  node: Node,
  call: Extract<NodeCall, { do: N }>,
  signal: AbortSignal,
  limitMs = ANSWER_MS,
): Promise<NodeAnswer<N>> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const socket = await app.tunnels.open(node, { kind: 'call' }, either);
  const limit = app.env.clock.sleep(limitMs, either).then(() => {
    throw silent(node, limitMs);
  });
  limit.catch(() => undefined);
  try {
    socket.write(`${JSON.stringify(call)}\n`);
    return answerOf(node, call.do, await Promise.race([firstLine(socket, node), limit]));
  } finally {
    over.abort();
    socket.destroy();
  }
}

const silent = (node: Node, ms: number) =>
  err('node_unreachable', { node: node.name, ago: `${ms / 1000} s` });
const garbled = (node: Node) =>
  err('node_unreachable', { node: node.name, ago: 'a moment: its agent did not answer what was asked' });

async function firstLine(socket: Duplex, node: Node): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > NODE_CALL_LIMIT_BYTES) break;
    if (chunk.includes(10)) return Buffer.concat(chunks).toString('utf8').split('\n', 1)[0] ?? '';
  }
  throw garbled(node);
}

function answerOf<N extends NodeCall['do']>(node: Node, what: N, line: string): NodeAnswer<N> {
  const reply = parsed(line);
  if (!matches(NodeReply, reply)) throw garbled(node);
  if ('problem' in reply) throw fromProblem(reply.problem);
  if (!matches(nodeAnswers[what], reply.answer)) throw garbled(node);
  return reply.answer as NodeAnswer<N>;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
