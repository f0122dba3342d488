/** What is said of a group’s CPU baseline, on the group and on nodes that are left out of it. Pure. */
import type { Condition, Group, GroupCpu, LeftOut, Node } from '@gantry/model';

export const BASELINE_CONDITION = 'CpuBaseline';

const remedy = (group: string): string =>
  `Guests made here get this node’s own CPU and cannot move to the others while they run; “gantry group cpu-baseline ${group} --narrow” takes the node in, for guests started from then on.`;

export function groupCondition(
  leftOut: readonly LeftOut[],
  nodes: readonly Node[],
  since: string,
): Condition {
  const names = nodes.filter(({ id }) => leftOut.some(({ node }) => node === id)).map(({ name }) => name);
  return names.length === 0
    ? condition('true', 'AllNodes', 'every node of the group whose CPU is known can give it', since)
    : condition('false', 'NodesLeftOut', `left out: ${names.toSorted().join(', ')}`, since);
}

export const notComputed = (why: string, since: string): Condition =>
  condition('unknown', 'NotComputed', `no node could compute it: ${why}; it is tried again`, since);

/** The node with the condition, or without. */
export function nodeWith(
  node: Node,
  { name }: Group,
  { leftOut }: Pick<GroupCpu, 'leftOut'>,
  since: string,
): Node {
  const out = leftOut.find((each) => each.node === node.id);
  const said = out && condition('false', 'LeftOut', `${out.why}. ${remedy(name)}`, since);
  return { ...node, status: { ...node.status, conditions: replaced(node.status.conditions, said) } };
}

/** In place of the one of its type, whose time it keeps while nothing else changed. */
export function replaced(conditions: readonly Condition[] = [], said: Condition | undefined): Condition[] {
  const before = conditions.find(({ type }) => type === BASELINE_CONDITION);
  const others = conditions.filter(({ type }) => type !== BASELINE_CONDITION);
  if (!said) return others;
  const same = before?.status === said.status && before.reason === said.reason;
  return [...others, same ? { ...said, since: before.since } : said];
}

const condition = (
  status: Condition['status'],
  reason: string,
  message: string,
  since: string,
): Condition => ({ type: BASELINE_CONDITION, status, reason, message, since });
