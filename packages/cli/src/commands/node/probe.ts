import { isDeepStrictEqual } from 'node:util';
import type { NodeFacts, NodeProbed } from '@gantry/model';
import { nodeNames } from '../../names.ts';
import { entries } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';

/** Of the API, with some time on the way. */
const TIMEOUT_MS = 180_000;

export const nodeProbe: Verb = {
  words: 'node probe',
  summary: 'let a node find out anew what it is and can, with the self-test of KVM',
  details:
    'After a change of the machine, or where KVM failed its test under load: the agent boots a guest of its own once more, with the least\n' +
    'claim to CPU time, and asks libvirt and QEMU again. It takes up to two minutes where KVM hangs. Guests go on as they are; those that\n' +
    'start from then on get what was found. Without it, facts are looked at each minute, and a test that hung is made again once, 5 min later.',
  arguments: [nameArgument('node', nodeNames)],
  examples: ['gantry node probe n1', 'gantry node probe n1 -o json'],
  async run(session, given) {
    const params = { ref: given.arg(0, 'name') };
    const before = await session.client.call('getNode', { params });
    const probed = await session.client.call('probeNode', { params }, { timeoutMs: TIMEOUT_MS });
    await session.out.object(probed, before.name, () => describeProbed(probed, before.status.facts));
  },
};

/** For people: what was found, and what of it is new. */
export function describeProbed({ facts, goesOn }: NodeProbed, before: NodeFacts | undefined): string {
  const { accelerator, qemuVersion, libvirtVersion, kernel, cpus, cpuModel, memoryMiB } = facts;
  return entries([
    ['accelerator', `${accelerator.kvm ? 'kvm' : 'tcg'}: ${accelerator.reason}`],
    ['tested with', accelerator.testedWith],
    ['qemu', qemuVersion],
    ['libvirt', libvirtVersion],
    ['kernel', kernel],
    ['cpus', `${cpus} (${cpuModel})`],
    ['memory', `${memoryMiB} MiB`],
    ['new', newOf(facts, before).join(', ') || 'nothing'],
    ['goes on', goesOn],
  ]);
}

/** Names of facts that are not as they were. */
const newOf = (facts: NodeFacts, before: NodeFacts | undefined): string[] =>
  Object.entries(facts)
    .filter(([name, value]) => !isDeepStrictEqual(value, before?.[name as keyof NodeFacts]))
    .map(([name]) => name);
