/** What nodes find on themselves now, asked of many at a time. */
import type { Node, NodeLook } from '@gantry/model';
import type { App } from '../api/call.ts';
import { askNode } from '../node-calls.ts';

type Asked = Pick<App, 'tunnels' | 'env'>;

/** Nodes that are asked at the same time. */
const AT_ONCE = 16;

/** A node's own word, and how far its clock was from ours: exact to half of how long the answer took. */
export interface Looked {
  look: NodeLook;
  aheadMs: number;
  exactMs: number;
}

/** Nodes that do not answer are missing. */
export async function lookAtAll(
  app: Asked,
  nodes: readonly Node[],
  signal: AbortSignal,
): Promise<Map<string, Looked>> {
  const looks = new Map<string, Looked>();
  const queue = [...nodes];
  const worker = async () => {
    for (let node = queue.shift(); node; node = queue.shift()) {
      const looked = await lookAt(app, node, signal).catch(() => undefined);
      if (looked) looks.set(node.id, looked);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  signal.throwIfAborted();
  return looks;
}

async function lookAt(app: Asked, node: Node, signal: AbortSignal): Promise<Looked> {
  const { clock } = app.env;
  const askedMs = clock.now();
  const look = await askNode(app, node, { do: 'node.look' }, signal);
  const exactMs = (clock.now() - askedMs) / 2;
  return { look, exactMs, aheadMs: Date.parse(look.at) - (askedMs + exactMs) };
}
