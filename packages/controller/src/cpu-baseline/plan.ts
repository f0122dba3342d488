/**
 * What becomes of a group’s CPU baseline as its nodes are now. Pure. It widens by itself, for nobody loses by that; it
 * becomes narrower by itself only while no guest has it: else the nodes that would narrow it are left out and named,
 * until an operator takes them in.
 */
import type { GroupCpu, LeftOut } from '@gantry/model';
import { commonKind, lacks, type Member } from './members.ts';

export interface Situation {
  group: string;
  /** Nodes of the group, those included whose agents have told nothing yet. */
  nodes: number;
  members: readonly Member[];
  before: GroupCpu | undefined;
  /** Guests have the baseline that is there. */
  used: boolean;
  /** An operator lets it become narrower. */
  narrow?: boolean;
}

export type BaselinePlan =
  /** No node has told of its CPU. */
  | { do: 'nothing' }
  /** At most one node: its guests have its own CPU. */
  | { do: 'drop' }
  /** The baseline stays. */
  | { do: 'keep'; leftOut: LeftOut[] }
  /** To be computed of these. */
  | { do: 'compute'; of: readonly Member[]; kind: string; leftOut: LeftOut[] };

export function planBaseline(situation: Situation): BaselinePlan {
  const { nodes, members, before, used, narrow = false } = situation;
  if (nodes < 2) return { do: 'drop' };
  const held = before && used && !narrow ? before : undefined;
  const kind = held?.kind ?? commonKind(members);
  if (kind === undefined) return { do: 'nothing' };
  const leftOut: LeftOut[] = [];
  const of: Member[] = [];
  for (const member of members) {
    const why = whyNot(member, kind, held, situation.group);
    if (why) leftOut.push({ node: member.node, ...why });
    else of.push(member);
  }
  if (before && (of.length === 0 || isOf(before, of))) return { do: 'keep', leftOut };
  return of.length === 0 ? { do: 'nothing' } : { do: 'compute', of, kind, leftOut };
}

/** Why its CPU does not count; undefined: it does. */
function whyNot(
  member: Member,
  kind: string,
  held: GroupCpu | undefined,
  group: string,
): Omit<LeftOut, 'node'> | undefined {
  if (member.kind !== kind)
    return {
      lacks: [],
      why: `it is ${member.kind}, and the CPU baseline of group ${group} is for ${kind}`,
    };
  const missing = held ? lacks(member, held.features) : [];
  if (missing.length === 0) return undefined;
  return {
    lacks: missing,
    why: `it lacks ${shortly(missing)} of the CPU baseline of group ${group}, which guests there have`,
  };
}

const isOf = (before: GroupCpu, members: readonly Member[]): boolean =>
  before.from.length === members.length &&
  before.from.every(({ node, cpu }) =>
    members.some((member) => member.node === node && member.digest === cpu),
  );

const MOST = 4;

/** `avx2, bmi2 and 3 more` */
export const shortly = (names: readonly string[]): string =>
  names.length <= MOST
    ? names.join(', ')
    : `${names.slice(0, MOST - 1).join(', ')} and ${names.length - MOST + 1} more`;
