/**
 * Byte streams between a user and a node: the controller asks for one over the agent's stream of wake-ups, the agent
 * dials in with the tunnel's id, and the two ends are joined. Nothing of it is stored: a broken tunnel is dialled anew.
 */
import type { Duplex } from 'node:stream';
import { type AnyId, err, type TunnelRequest } from '@gantry/model';
import type { Env } from './env.ts';

/** How long an agent may take to dial in. */
const DIAL_MS = 10_000;

interface Waiting {
  node: string;
  answer(socket: Duplex): void;
}

export class Tunnels {
  readonly #env: Env;
  readonly #waiting = new Map<string, Waiting>();
  readonly #agents = new Map<string, Set<(request: TunnelRequest) => void>>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** An agent listens for requests concerning its node, until the returned function is called. */
  listen(node: string, tell: (request: TunnelRequest) => void): () => void {
    const listeners = this.#agents.get(node) ?? new Set();
    this.#agents.set(node, listeners.add(tell));
    return () => listeners.delete(tell);
  }

  /** @throws GantryError `node_unreachable` when no agent of that node answers in time */
  async open(
    node: { id: string; name: string },
    what: TunnelRequest['what'],
    signal: AbortSignal,
  ): Promise<Duplex> {
    const listeners = this.#agents.get(node.id);
    const tell = listeners && [...listeners].at(-1);
    if (!tell)
      throw err('node_unreachable', { node: node.name, ago: 'a moment: its agent is not connected' });
    const tunnel = this.#env.uuid() as AnyId;
    const done = new AbortController();
    try {
      return await new Promise<Duplex>((answer, refuse) => {
        this.#waiting.set(tunnel, { node: node.id, answer });
        this.#env.clock.sleep(DIAL_MS, AbortSignal.any([signal, done.signal])).then(
          () => refuse(err('node_unreachable', { node: node.name, ago: `${DIAL_MS / 1000} s` })),
          () =>
            refuse(err('node_unreachable', { node: node.name, ago: 'a moment: the request was given up' })),
        );
        tell({ tunnel, what });
      });
    } finally {
      this.#waiting.delete(tunnel);
      done.abort();
    }
  }

  /** The agent's end has come. @throws GantryError `not_found` when nobody waits for it, or it is another node's */
  accept(tunnel: string, node: string): (socket: Duplex) => void {
    const waiting = this.#waiting.get(tunnel);
    if (waiting?.node !== node) throw err('not_found', { kind: 'tunnel', name: tunnel });
    return (socket) => waiting.answer(socket);
  }
}

/** Joins two sockets until either ends. */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}
