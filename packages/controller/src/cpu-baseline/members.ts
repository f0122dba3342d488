/** The CPUs of a group’s nodes, as their agents reported them. Pure. */
import { createHash } from 'node:crypto';
import type { CpuDefinition, Node, NodeId } from '@gantry/model';

export interface Member {
  node: NodeId;
  name: string;
  cpu: CpuDefinition;
  /** Of the definition. */
  digest: string;
  /** All that guests can have there. */
  features: readonly string[];
  /** Nodes of another kind have no CPU in common with it. */
  kind: string;
}

/** Undefined: its agent has not told. */
export function memberOf({ id, name, status: { facts } }: Node): Member | undefined {
  const { hostModel: cpu, cpuFeatures = [] } = facts?.hardware ?? {};
  if (!facts || !cpu || cpuFeatures.length === 0) return undefined;
  const accelerator = facts.accelerator.kvm ? 'kvm' : 'tcg';
  const kind = [facts.architecture, accelerator, cpu.vendor].filter(Boolean).join(' ');
  const features = cpuFeatures.toSorted();
  const digest = createHash('sha256')
    .update(JSON.stringify([cpu, features]))
    .digest('hex')
    .slice(0, 16);
  return { node: id as NodeId, name, cpu, digest, features, kind };
}

/** What it lacks of these features. */
export const lacks = ({ features }: Member, wanted: readonly string[]): string[] => {
  const has = new Set(features);
  return wanted.filter((feature) => !has.has(feature));
};

/** Of the most nodes; of two as frequent the one whose name comes first. */
export function commonKind(members: readonly Member[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { kind } of members) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0];
}
