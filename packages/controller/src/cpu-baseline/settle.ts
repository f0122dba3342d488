/** Brings a group’s CPU baseline up to its nodes: plans, has a node compute it, and writes it down. */
import { isDeepStrictEqual } from 'node:util';
import { takesHostModel } from '@gantry/guest';
import { type Group, type GroupCpu, isGantryError, type Node, type NodeAnswer } from '@gantry/model';
import type { App } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { askNode } from '../node-calls.ts';
import { Draft } from '../store/batch.ts';
import { groupCondition, nodeWith, notComputed, replaced } from './conditions.ts';
import { type Member, memberOf } from './members.ts';
import { type BaselinePlan, planBaseline } from './plan.ts';

export type Parts = Pick<App, 'store' | 'env' | 'tunnels' | 'mirror'>;

export interface Settled {
  draft: Draft;
  plan: BaselinePlan;
  group: Group;
  /** No node could say. */
  failure?: string;
}

/** @param narrow an operator lets it become narrower although guests have it */
export async function settle(
  parts: Parts,
  group: Group,
  signal: AbortSignal,
  narrow = false,
): Promise<Settled> {
  const nodes = await parts.mirror.read((view) =>
    [...view.nodes.values()].filter(({ spec }) => spec.group === group.id),
  );
  const members = nodes.flatMap((node) => memberOf(node) ?? []);
  const before = group.status.cpu;
  const situation = { group: group.name, nodes: nodes.length, members, before, narrow };
  const free = planBaseline({ ...situation, used: false });
  const used = before && free.do === 'compute' && (await isUsed(parts, nodes));
  const plan = used ? planBaseline({ ...situation, used }) : free;
  const draft = new Draft(parts.env.clock.now());
  const base = { draft, plan, group };
  if (plan.do === 'nothing') return base;
  if (plan.do === 'compute') {
    const answer = await compute(parts, nodes, plan.of, signal);
    if ('failure' in answer) return { ...base, ...fail(parts, draft, group, answer.failure) };
    return { ...base, group: write(parts, draft, group, nodes, cpuOf(parts, plan, answer, before)) };
  }
  const kept = plan.do === 'keep' && before ? { ...before, leftOut: plan.leftOut } : undefined;
  return { ...base, group: write(parts, draft, group, nodes, kept) };
}

/** Guests that have it, running or not: they were promised that they can move. */
async function isUsed({ store }: Parts, nodes: readonly Node[]): Promise<boolean> {
  for (const { id, status } of nodes) {
    const accelerator = status.facts?.accelerator.kvm ? 'kvm' : 'tcg';
    const { items } = await store.list('guest', { node: id });
    const has = items.some(
      ({ spec: { input } }) => input.cpuBaseline && takesHostModel(input.policies, accelerator),
    );
    if (has) return true;
  }
  return false;
}

type Computed = NodeAnswer<'cpu.baseline'> & { by: Node };

/** Nodes that are asked before it is left for later. */
const TRIES = 3;

/** Of the first node that answers; it must itself run guests as the others do. */
async function compute(
  parts: Parts,
  nodes: readonly Node[],
  members: readonly Member[],
  signal: AbortSignal,
): Promise<Computed | { failure: string }> {
  const asked = nodes.filter(
    ({ id, status, spec }) =>
      status.state === 'ready' && spec.role !== 'offline' && members.some(({ node }) => node === id),
  );
  const distinct = [...new Map(members.map(({ digest, cpu }) => [digest, cpu])).values()];
  let failure = 'none of its nodes is ready';
  for (const by of asked.slice(0, TRIES))
    try {
      return { by, ...(await askNode(parts, by, { do: 'cpu.baseline', cpus: distinct }, signal)) };
    } catch (error) {
      if (!isGantryError(error)) throw error;
      failure = `${by.name}: ${error.message}`;
    }
  return { failure };
}

function cpuOf(
  { env }: Parts,
  { of, kind, leftOut }: BaselinePlan & { do: 'compute' },
  { cpu, features, by }: Computed,
  before: GroupCpu | undefined,
): GroupCpu {
  const from = of.map(({ node, digest }) => ({ node, cpu: digest }));
  const since = nowOf(env);
  const has = new Set(features);
  const narrower = before?.features.some((feature) => !has.has(feature));
  const narrowedAt = narrower ? since : before?.narrowedAt;
  return {
    ...{ baseline: cpu, features, kind, from, by: by.id as GroupCpu['by'], since, leftOut },
    ...(narrowedAt ? { narrowedAt } : {}),
  };
}

function fail(
  { env }: Parts,
  draft: Draft,
  group: Group,
  failure: string,
): Pick<Settled, 'failure' | 'group'> {
  const conditions = replaced(group.status.conditions, notComputed(failure, nowOf(env)));
  const after = { ...group, status: { ...group.status, conditions } };
  if (!isDeepStrictEqual(after, group)) draft.put(after);
  return { failure, group: after };
}

function write(
  { env }: Parts,
  draft: Draft,
  group: Group,
  nodes: readonly Node[],
  cpu: GroupCpu | undefined,
): Group {
  const now = nowOf(env);
  const said = cpu && groupCondition(cpu.leftOut, nodes, now);
  const { cpu: before, conditions: earlier, ...status } = group.status;
  const conditions = replaced(earlier, said);
  const after: Group = {
    ...group,
    status: { ...status, ...(cpu ? { cpu } : {}), ...(conditions.length > 0 ? { conditions } : {}) },
  };
  if (!isDeepStrictEqual(after, group)) draft.put(after);
  if (!isDeepStrictEqual(before?.baseline, cpu?.baseline)) announce(draft, after, cpu, now);
  for (const node of nodes) {
    const next = nodeWith(node, group, cpu ?? { leftOut: [] }, now);
    if (!isDeepStrictEqual(next, node)) draft.put(next);
  }
  return after;
}

function announce(draft: Draft, { id, name }: Group, cpu: GroupCpu | undefined, at: string): void {
  const message = cpu
    ? `CPU baseline of group ${name}: ${cpu.baseline.model}, of ${cpu.from.length} node${cpu.from.length === 1 ? '' : 's'}`
    : `group ${name} has no CPU baseline any more: it has one node`;
  const subject = { kind: 'group', id, name };
  draft.batch.events.push({ at, type: 'group.cpu-baseline', level: 'info', subject, message });
}
