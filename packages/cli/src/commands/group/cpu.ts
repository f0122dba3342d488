/** A group’s CPU baseline in words. */
import type { CpuDefinition, Group, Node } from '@gantry/model';
import { type Entry, subTable } from '../../output/describe.ts';

const NONE =
  'none: it is for groups of several nodes whose CPUs are known; host-model guests have their node’s own CPU';

/** `Skylake-Client +umip -hle` */
export const cpuText = ({ model, features }: CpuDefinition): string =>
  [model, ...features.map(({ name, policy }) => `${policy === 'disable' ? '-' : '+'}${name}`)].join(' ');

export function cpuEntries({ status: { cpu, conditions = [] } }: Group, nodes: readonly Node[]): Entry[] {
  const said = conditions.filter(({ status }) => status !== 'true').map(({ message }) => message);
  if (!cpu) return [['CPU baseline', [NONE, ...said].join('\n')]];
  const named = (ids: readonly { node: string }[]) =>
    nodes.filter(({ id }) => ids.some(({ node }) => node === id)).map(({ name }) => name);
  const by = nodes.find(({ id }) => id === cpu.by)?.name ?? cpu.by;
  return [
    ['CPU baseline', [`${cpuText(cpu.baseline)} (${cpu.kind})`, ...said].join('\n')],
    ['computed', `${cpu.since} by libvirt on ${by}, of ${named(cpu.from).join(' ')}`],
  ];
}

/** Each node against the baseline: what it lacks, and what of it the baseline leaves unused. */
export function cpuTable({ status: { cpu } }: Group, nodes: readonly Node[]): string {
  const rows = nodes.map((node) => {
    const { hostModel, cpuFeatures = [] } = node.status.facts?.hardware ?? {};
    const out = cpu?.leftOut.find((each) => each.node === node.id);
    const has = new Set(cpu?.features);
    const beyond = cpu ? cpuFeatures.filter((feature) => !has.has(feature)) : [];
    const part = cpu?.from.some((each) => each.node === node.id) ? 'yes' : out ? 'left out' : 'not known';
    return [
      node.name,
      hostModel ? `${hostModel.model}${hostModel.vendor ? ` (${hostModel.vendor})` : ''}` : 'not told',
      cpu ? part : '-',
      out?.lacks.join(' ') || '-',
      beyond.join(' ') || '-',
    ];
  });
  return subTable(['NODE', 'CPU', 'IN IT', 'LACKS', 'HAS BEYOND IT'], rows);
}
