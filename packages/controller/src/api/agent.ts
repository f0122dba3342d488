/** The agent's side of the API: it sees and writes what concerns its own node, and nothing else. */

import type { TunnelRequest } from '@gantry/model';
import { type Assignments, type ClusterId, err, type Node, type NodeId } from '@gantry/model';
import { theCluster } from '../operations/guest-spec.ts';
import { isCurrent } from '../operations/view.ts';
import { requireSameMachine } from '../reports/same-machine.ts';
import { takeReport } from '../reports/take-report.ts';
import { type WatchEvent, watch } from '../store/watch.ts';
import type { Asking, Handler, ServerEvent } from './call.ts';

async function nodeOf({ app, caller }: Asking): Promise<Node> {
  const node = caller.node && (await app.store.get('node', caller.node));
  if (!node) throw err('forbidden', { action: 'act for a node', why: 'its node does not exist (any more)' });
  return node;
}

export const getAssignments: Handler<'getAssignments'> = async (call) => {
  const { store } = call.app;
  const self = await nodeOf(call);
  await requireSameMachine(call.app, self, call.query);
  const node = self.id as NodeId;
  const cluster = await theCluster(store);
  const { items: nodes } = await store.list('node', {}, { limit: 2 });
  // the revision is read first: what changes meanwhile is told by the watch from there
  const revision = await store.revision();
  const body: Assignments = {
    revision,
    term: store.term,
    cluster: cluster.id as ClusterId,
    node,
    singleNode: nodes.length === 1,
    guests: (await store.list('guest', { node })).items,
    replicas: (await store.list('replica', { node })).items,
    attachments: (await store.list('attachment', { node })).items,
    acts: (await store.list('act', { node })).items,
  };
  return { body };
};

const assigned: readonly string[] = ['guest', 'replica', 'attachment', 'act'];

/** `changed` whenever assignments may have changed, many changes at once told once; `tunnel` for each request. */
export const watchAssignments: Handler<'watchAssignments'> = async (call) => {
  const node = await nodeOf(call);
  // commands, files and consoles of the node are asked for through it
  await requireSameMachine(call.app, node, call.query);
  return { events: wakeUps(call, node.id) };
};

async function* wakeUps(
  { app, signal, query }: Parameters<typeof watchAssignments>[0],
  node: string,
): AsyncGenerator<ServerEvent> {
  const queue = new WakeUpQueue(signal);
  const unlisten = app.tunnels.listen(node, (request) => queue.tunnel(request));
  const stop = new AbortController();
  const mine = watch(
    app.store,
    query.from,
    (meta) => meta.node === node && assigned.includes(meta.kind),
    AbortSignal.any([signal, stop.signal]),
  );
  const pump = (async () => {
    for await (const event of mine) if (isNews(event)) queue.changed(event.revision);
  })().catch((error: unknown) => queue.fail(error));
  try {
    // an agent that was away may have missed anything
    queue.changed(await app.store.revision());
    yield* queue.events();
  } finally {
    unlisten();
    queue.end();
    stop.abort();
    await pump;
  }
}

/** A spec that the agent has reported on is no news to it: its own report came back. */
const isNews = (event: WatchEvent): boolean =>
  event.type === 'delete' || (event.type === 'put' && !isCurrent(event.object));

/** Changes coalesce: while the agent is slow, only the newest is kept. */
class WakeUpQueue {
  #revision: string | undefined;
  #tunnels: TunnelRequest[] = [];
  #error: unknown;
  #ended = false;
  #wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    if (signal.aborted) this.#ended = true;
    signal.addEventListener('abort', () => this.end(), { once: true });
  }

  changed(revision: string): void {
    this.#revision = revision;
    this.#wake();
  }

  tunnel(request: TunnelRequest): void {
    this.#tunnels.push(request);
    this.#wake();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *events(): AsyncGenerator<ServerEvent> {
    while (!this.#ended) {
      const revision = this.#revision;
      const tunnels = this.#tunnels;
      this.#revision = undefined;
      this.#tunnels = [];
      if (revision !== undefined) yield { event: 'changed', id: revision, data: { revision } };
      for (const request of tunnels) yield { event: 'tunnel', data: request };
      if (this.#error) throw this.#error;
      if (this.#revision === undefined && this.#tunnels.length === 0 && !this.#ended)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

export const report: Handler<'report'> = async (call) => {
  const node = await nodeOf(call);
  const { machine, bootId } = call.body;
  await requireSameMachine(call.app, node, { machine, boot: bootId });
  return { body: await takeReport(call.app, node, call.body) };
};

export const tunnel: Handler<'tunnel'> = async (call) => {
  const node = await nodeOf(call);
  return { socket: call.app.tunnels.accept(call.params['id'] ?? '', node.id) };
};
