/** CPUs of guests and nodes against the baseline of their group, which is what lets guests move. */
import { takesHostModel } from '@gantry/guest';
import type { Group, Guest, Node } from '@gantry/model';
import { BASELINE_CONDITION } from '../cpu-baseline/conditions.ts';
import { about, type Check, type Facts, type Found } from './facts.ts';

export const cpus: Check = (facts) =>
  facts.groups.flatMap((group) => [...leftOut(facts, group), ...wider(facts, group)]);

const members = ({ nodes }: Facts, { id }: Group): Node[] =>
  nodes.filter(({ spec }) => spec.group === id && spec.role !== 'offline');

/** A node that would narrow it. */
const leftOut = (facts: Facts, group: Group): Found[] =>
  members(facts, group).flatMap((node) => {
    const out = group.status.cpu?.leftOut.find((each) => each.node === node.id);
    const condition = node.status.conditions.find(({ type }) => type === BASELINE_CONDITION);
    if (!out || !condition) return [];
    return [
      about(
        'warning',
        node,
        `${out.why}: guests made there get its own CPU, and cannot move to the group’s other nodes while they run`,
        `\`gantry group cpu-baseline ${group.name} --narrow\` takes it in for guests started from then on; or give it a group of its own.`,
      ),
    ];
  });

/** Guests that run since before the baseline became narrower have more than it. */
function wider(facts: Facts, group: Group): Found[] {
  const { narrowedAt, baseline } = group.status.cpu ?? {};
  if (!narrowedAt || !baseline) return [];
  const here = new Map(members(facts, group).map((node) => [node.id as string, node]));
  return facts.guests.flatMap((guest) => {
    const node = here.get(guest.spec.node);
    const instance = facts.instances.find(({ id }) => id === guest.spec.instance);
    if (!node || !instance || facts.moving.has(instance.id) || !hasBaseline(guest, node)) return [];
    const { startedAt = narrowedAt, state } = guest.status;
    if (state !== 'running' || Date.parse(startedAt) >= Date.parse(narrowedAt)) return [];
    return [
      about(
        'warning',
        instance,
        `it runs since ${startedAt} with the CPU that group ${group.name} had before ${narrowedAt}; not every node of the group can give it, so it may not move while it runs`,
        `\`gantry instance stop ${instance.name}\` and \`gantry instance start ${instance.name}\` give it the present one (${baseline.model}); a reboot from inside does not.`,
      ),
    ];
  });
}

const hasBaseline = ({ spec: { input } }: Guest, { status }: Node): boolean =>
  input.cpuBaseline !== undefined &&
  takesHostModel(input.policies, status.facts?.accelerator.kvm ? 'kvm' : 'tcg');
