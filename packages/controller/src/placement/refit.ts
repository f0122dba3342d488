/** Whether its node can give a guest another size, and which of the node’s hardware it gets then. Decides; writes nothing. */
import { isDeepStrictEqual } from 'node:util';
import { type OfferAnswer, offers, overheadMiB, requirements } from '@gantry/guest';
import { err, type Fit, formatBytes, type Guest, type GuestInput, type Rejection } from '@gantry/model';
import { place } from '@gantry/placement';
import type { Kinds } from '../kinds.ts';
import { type Candidate, candidateOf } from './capacity.ts';
import { answerOf } from './choose-node.ts';
import type { ClusterView, Mirror } from './mirror.ts';
import type { NodeLoad } from './node-loads.ts';
import { takenBy } from './records.ts';
import { sizesOf } from './rules.ts';

const MIB = 2 ** 20;

/**
 * The node’s role does not matter: the guest is there already. What it does not ask more of than it has is not measured.
 * What it has of the hardware, and what is held for it, counts as free; a guest that asks for the same keeps it.
 * @param back held for it already, and not chosen anew
 * @throws GantryError `cannot_grow`, with numbers
 */
export const refit = (
  mirror: Mirror,
  cluster: Kinds['cluster'],
  guest: Guest,
  input: GuestInput,
  back?: Fit,
): Promise<{ fit: Fit; node: Kinds['node'] }> =>
  mirror.read((view) => {
    const node = view.nodes.get(guest.spec.node);
    if (!node) throw err('not_found', { kind: 'node', name: guest.spec.node });
    const candidate = candidateOf(view, cluster, node, loadWithout(view, guest));
    const found = { node: guest.spec.node, ...hardwareFor(candidate, guest, input, back) };
    return { fit: back ?? (asksTheSame(guest.spec, input) ? guest.spec.fit : found), node };
  });

/** Memory and CPUs of cells belong to what is asked of the hardware. */
function asksTheSame({ fit, input: has }: Guest['spec'], wanted: GuestInput): boolean {
  const size = ({ vcpus, memoryMiB }: GuestInput) => (fit.cells ? [vcpus, memoryMiB] : []);
  return isDeepStrictEqual([has.extraSpecs, size(has)], [wanted.extraSpecs, size(wanted)]);
}

function loadWithout(view: ClusterView, guest: Guest): NodeLoad {
  const load = view.load(guest.spec.node);
  const own = takenBy(guest);
  return {
    ...load,
    memoryDownMiB: load.memoryDownMiB - (guest.spec.power === 'stopped' ? own.memoryMiB : 0),
    memoryMiB: load.memoryMiB - own.memoryMiB,
    vcpus: load.vcpus - own.vcpus,
    guests: new Map([...load.guests].filter(([id]) => id !== guest.id)),
  };
}

function hardwareFor(candidate: Candidate, guest: Guest, input: GuestInput, back?: Fit): OfferAnswer['fit'] {
  const capacity = { ...candidate.capacity, role: 'active', state: 'ready' } as const;
  const needs = { ...requirements(input), diskMiB: {}, sizes: changedSizes(guest, input) };
  const answer = answerOf(candidate, offers(input));
  const { verdicts } = place([capacity], needs, { judge: () => (back ? [] : answer.rejections) });
  const own = takenBy(guest);
  const more: Record<string, boolean> = {
    memory: needs.memoryMiB > own.memoryMiB,
    vcpus: needs.vcpus > own.vcpus,
  };
  const against = verdicts.flatMap(({ rejections }) => rejections).filter(({ test }) => more[test] ?? true);
  if (against.length > 0) throw refused(capacity.name, input, against);
  return answer.fit;
}

/** Bounds that were set later do not refuse what stays as it is. */
function changedSizes(
  { spec }: Guest,
  input: GuestInput,
): Pick<Partial<ReturnType<typeof sizesOf>>, 'vcpus' | 'memory'> {
  const { vcpus, memory } = sizesOf(input);
  return {
    ...(input.vcpus === spec.input.vcpus ? {} : { vcpus }),
    ...(input.memoryMiB === spec.input.memoryMiB ? {} : { memory }),
  };
}

function refused(node: string, { name, vcpus }: GuestInput, against: readonly Rejection[]) {
  const why = against.map(inWords).join(', ');
  const memory = against.find(({ test }) => test === 'memory')?.available;
  const most = memory === undefined ? 0 : Math.floor(((memory - overheadMiB(0, vcpus)) * 256) / 257);
  const ask = most >= 16 ? `Ask for at most ${formatBytes(most * MIB)} of memory, or free` : 'Free';
  return err('cannot_grow', { node, name, why, waysOut: `${ask} some of the node.` });
}

function inWords({ test, message, needed, available, unit }: Rejection): string {
  if (needed === undefined || available === undefined) return message;
  const amount = (value: number) => (unit === 'MiB' ? formatBytes(value * MIB) : `${value} ${unit ?? ''}`);
  const own = test === 'memory' ? ' with QEMU’s own' : '';
  return `${test}: ${amount(needed)} needed${own}, ${amount(available)} free`;
}
