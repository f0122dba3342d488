/** What a node says of itself: lasting facts into the node, numbers that always change beside it. */
import { isDeepStrictEqual } from 'node:util';
import type { Condition, Node, NodeStatus, Report } from '@gantry/model';
import { BASELINE_CONDITION } from '../cpu-baseline/conditions.ts';
import type { Draft, Seen } from '../store/batch.ts';

/** Puts the node if it changed; returns the numbers. A node that reports again is no longer lost. */
export function mergeNode(
  draft: Draft,
  node: Node,
  report: Report,
  now: string,
  last: Seen | undefined,
): Seen['gauges'] {
  const said = report.node;
  const gauges = said ? gaugesOf(said) : (last?.gauges ?? {});
  const status = said ? lasting(said, node, report.bootId, now) : revived(node.status);
  if (!isDeepStrictEqual(status, node.status)) draft.put({ ...node, status });
  const was = node.status.state;
  if (was !== status.state && (was === 'joining' || was === 'lost')) announce(draft, node, was, now);
  return gauges;
}

function announce(draft: Draft, { id, name }: Node, was: 'joining' | 'lost', now: string): void {
  const [type, message] =
    was === 'joining'
      ? ['node.joined', `node ${name} has joined`]
      : ['node.back', `node ${name} is heard of again`];
  draft.batch.events.push({
    at: now,
    type,
    level: 'info',
    subject: { kind: 'node', id, name },
    actor: name,
    message,
  });
}

const gaugesOf = ({ storage, memoryFreeMiB }: NodeStatus): Seen['gauges'] => ({
  ...(storage ? { storage } : {}),
  ...(memoryFreeMiB === undefined ? {} : { memoryFreeMiB }),
});

function lasting(said: NodeStatus, node: Node, bootId: string, now: string): NodeStatus {
  const { storage: _storage, memoryFreeMiB: _memory, lastSeenAt: _seen, ...status } = said;
  const state = said.state === 'lost' || said.state === 'joining' ? 'degraded' : said.state;
  const facts = said.facts ?? node.status.facts;
  const conditions = [
    ...said.conditions
      .filter(({ type }) => type !== BASELINE_CONDITION)
      .map((condition) => since(condition, node.status.conditions, now)),
    // not the node’s to say
    ...node.status.conditions.filter(({ type }) => type === BASELINE_CONDITION),
  ];
  return { ...status, state, bootId, ...(facts ? { facts } : {}), conditions };
}

/** `since` is when it became so, by the controller's clock. */
function since(condition: Condition, before: Condition[], now: string): Condition {
  const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
  return { ...condition, since: same?.since ?? now };
}

const revived = (status: NodeStatus): NodeStatus =>
  status.state === 'lost' ? { ...status, state: 'degraded' } : status;
