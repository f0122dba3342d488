import { takesHostModel } from '@gantry/guest';
import type { GuestInput } from '@gantry/model';
import { inputOn } from '../operations/guest-spec.ts';
import type { Candidate } from './capacity.ts';

/** More than load makes of a difference between like nodes, less than a rule that is not kept. */
const ALONE = 8;

/** Part of the score of a node on which the guest would get a CPU that the group’s other nodes need not have. */
export function alone(input: GuestInput, { node, group }: Candidate): { cpuBaseline?: number } {
  const { cpu } = group?.status ?? {};
  if (!cpu?.leftOut.some((out) => out.node === node.id)) return {};
  const { policies } = inputOn(input, group, undefined);
  const accelerator = node.status.facts?.accelerator.kvm ? 'kvm' : 'tcg';
  return takesHostModel(policies, accelerator) ? { cpuBaseline: ALONE } : {};
}
