/** The guest compiled for a node before it is there: what its agent would refuse is known beforehand. */
import { type GuestInput, isGantryError, type NodeFacts, type Rejection } from '@gantry/model';
import { compileGuest } from '../compile.ts';
import type { HostContext } from '../host-context.ts';
import { gantryProfile, type Profile } from '../profiles.ts';
import type { HardwareFit } from './node-offer.ts';

/**
 * The guest compiled as the node’s agent would: what that refuses is refused here, in the same words. Nodes of the same
 * kind give the same answer, which is kept.
 */
export function compiler(input: GuestInput, profile: Profile) {
  const known = new Map<string, readonly Rejection[]>();
  return (facts: NodeFacts, fit: HardwareFit): readonly Rejection[] => {
    const key = `${kindOf(facts)} ${JSON.stringify(fit)}`;
    const answer = known.get(key) ?? compiled(input, facts, fit, profile);
    known.set(key, answer);
    return answer;
  };
}

/** What tells nodes of different kinds apart, written once for each that is known. */
function kindOf(facts: NodeFacts): string {
  const known = kinds.get(facts);
  if (known !== undefined) return known;
  const { cells: _, pciFunctions: __, ...hardware } = facts.hardware ?? {};
  const { architecture, accelerator, machineTypes, libvirtVersion } = facts;
  const kind = JSON.stringify([hardware, architecture, accelerator.kvm, machineTypes, libvirtVersion]);
  kinds.set(facts, kind);
  return kind;
}
const kinds = new WeakMap<NodeFacts, string>();

function compiled(input: GuestInput, facts: NodeFacts, fit: HardwareFit, profile: Profile): Rejection[] {
  const message = refusalOn(facts, input, fit, profile);
  return message === undefined ? [] : [{ test: 'hardware', message }];
}

/** Why that node cannot build the guest so; undefined: it can. */
export function refusalOn(
  facts: NodeFacts,
  input: GuestInput,
  fit: HardwareFit,
  profile: Profile = gantryProfile,
): string | undefined {
  try {
    compileGuest(input, contextOn(facts, input, fit), profile);
    return undefined;
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return error.code === 'guest_refused' ? String(error.params['why']) : error.message;
  }
}

/** Names and paths say nothing about hardware. */
const contextOn = (facts: NodeFacts, input: GuestInput, fit: HardwareFit): HostContext => ({
  uuid: '00000000-0000-4000-8000-000000000000',
  cluster: '00000000-0000-4000-8000-000000000000',
  epoch: { incarnation: 0, number: 0 },
  architecture: facts.architecture,
  accelerator: facts.accelerator.kvm ? 'kvm' : 'tcg',
  emulator: '/qemu',
  facts,
  fit,
  disks: Object.fromEntries(input.disks.map(({ id }) => [id, { path: '/disk', format: 'raw' as const }])),
  media: Object.fromEntries((input.cds ?? []).flatMap(({ media }) => (media ? [[media.sha256, '/cd']] : []))),
  directIo: true,
  kernel: '/kernel',
  consoleLog: '/console.log',
  agentSocket: '/agent.sock',
  vncSocket: '/vnc.sock',
});
