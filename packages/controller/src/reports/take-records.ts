/** Log lines and events of a report: those that concern the node which sent it, and of these a bounded number. */
import type { Guest, LogLine, Node, NodeEvent, Operation, Replica, Report } from '@gantry/model';
import type { App } from '../api/call.ts';
import { nowOf } from '../env.ts';
import type { Draft } from '../store/batch.ts';

const MAX_LINES = 1000;
const MAX_TEXT = 4096;

export async function takeRecords(app: App, draft: Draft, node: Node, report: Report): Promise<void> {
  const judge = judgeOf(app, node);
  for (const { operation, lines } of report.log ?? []) {
    if (!(await judge(operation))) continue;
    const kept = lines
      .slice(0, MAX_LINES)
      .map((line): LogLine => ({ ...line, text: line.text.slice(0, MAX_TEXT) }));
    draft.batch.log.push({ operation, lines: kept });
  }
  for (const event of report.events ?? []) await takeEvent(app, draft, node, event);
}

/**
 * Whether the node works for an operation: a guest or replica of its target is bound to the node, or one that is there
 * names it, as the source of a clone does. Once nothing of it is on the node any more, the node has nothing more to say
 * of it: what it did say came before, or with the report that the last of it is gone.
 */
function judgeOf({ store }: App, node: Node): (id: string) => Promise<boolean> {
  let named: Promise<ReadonlySet<string>> | undefined;
  const here = async (kind: 'guest' | 'replica', { spec }: Operation): Promise<boolean> => {
    const { items } = await store.list(kind, { node: node.id, owner: spec.target.id });
    return items.length > 0;
  };
  return async (id) => {
    const operation = await store.get('operation', id);
    if (!operation) return false;
    if ((await here('guest', operation)) || (await here('replica', operation))) return true;
    named ??= namedOn({ store }, node);
    return (await named).has(id);
  };
}

/** Operations that something on the node names. */
async function namedOn({ store }: Pick<App, 'store'>, { id }: Node): Promise<ReadonlySet<string>> {
  const [guests, replicas] = await Promise.all([
    store.list('guest', { node: id }),
    store.list('replica', { node: id }),
  ]);
  return new Set([...guests.items.flatMap(namedByGuest), ...replicas.items.flatMap(namedByReplica)]);
}

const namedByGuest = ({ spec }: Guest): string[] =>
  [spec.operation, spec.plug?.operation, spec.copies?.operation].filter((id) => id != null);

const namedByReplica = ({ spec }: Replica): string[] =>
  [spec.operation, spec.what === 'disk' ? spec.send?.operation : undefined].filter((id) => id !== undefined);

async function takeEvent(app: App, draft: Draft, node: Node, event: NodeEvent): Promise<void> {
  if (!/^[a-z]+([.-][a-z]+)*$/.test(event.type)) return;
  const named = event.instance && (await app.store.get('instance', event.instance));
  const instance = named && named.status.node === node.id ? named : undefined;
  const { type, level, message } = event;
  const subject = instance ?? node;
  draft.batch.events.push({
    at: nowOf(app.env),
    type,
    level,
    message,
    actor: node.name,
    subject: { kind: subject.kind, id: subject.id, name: subject.name },
    ...(subject.project ? { project: subject.project } : {}),
  });
}
