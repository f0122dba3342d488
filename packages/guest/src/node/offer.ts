/** A guest against one node: what of the node’s hardware it would get, or everything that stands against it. */
import type { Fit, GuestInput, HostPolicy, NodeFacts, NodeHardware, Rejection } from '@gantry/model';
import { fitNuma } from '../numa/fit.ts';
import { type GuestTopology, guestTopology } from '../numa/guest-cells.ts';
import { type PlacementRequest, placementRequest } from '../placement-request.ts';
import { gantryProfile, type Profile } from '../profiles.ts';
import { readSettings, type Settings } from '../specs/settings.ts';
import { type CpuSets, cpuSetsOf, hostCellsOf } from './cells.ts';
import { overcommit } from './facts.ts';
import type { HardwareFit, NodeOffer, OfferAnswer } from './node-offer.ts';
import { choosePci, pciTaken } from './pci.ts';
import { compiler } from './trial.ts';
import { whyNoCells } from './why-no-cells.ts';
import { imageKind, resources, traits } from './wishes.ts';

/** What is the same for all nodes. */
interface Asked {
  readonly settings: Settings;
  readonly topology: GuestTopology | undefined;
  readonly request: PlacementRequest;
  readonly compiles: (facts: NodeFacts, fit: HardwareFit) => readonly Rejection[];
}

/**
 * One guest, to be held against many nodes.
 * @throws GantryError when its settings are not valid anywhere
 */
export function offers(
  input: GuestInput,
  profile: Profile = gantryProfile,
): (node: NodeOffer) => OfferAnswer {
  const settings = readSettings(input, profile);
  const { memoryMiB, vcpus } = input;
  const asked: Asked = {
    settings,
    topology: guestTopology(settings, input),
    request: placementRequest(settings, { vcpus, memoryMiB, diskGiB: 0 }),
    compiles: compiler(input, profile),
  };
  return (node) => answerOf(asked, node);
}

function answerOf(asked: Asked, node: NodeOffer): OfferAnswer {
  const { settings, request } = asked;
  const { facts } = node;
  const placed = facts.hardware ? placedOn(facts.hardware, asked, node) : unknownHardware(asked);
  const rejections = [
    ...imageKind(settings, facts),
    ...traits(request, settings, node),
    ...resources(settings, node),
    ...placed.rejections,
  ];
  const { fit } = placed;
  return { fit, rejections: rejections.length > 0 ? rejections : asked.compiles(facts, fit) };
}

function unknownHardware({ settings, topology }: Asked): OfferAnswer {
  const asks = topology !== undefined || settings.flavor.has('pci_passthrough:alias');
  const message = 'its agent does not tell its NUMA cells; update it';
  return { fit: {}, rejections: asks ? [{ test: 'hardware', message }] : [] };
}

/** Cells, shared CPUs and PCI devices. */
function placedOn(hardware: NodeHardware, { settings, topology }: Asked, node: NodeOffer): OfferAnswer {
  const { host } = node;
  const taken = node.bound.map(({ fit }) => fit);
  const sets = cpuSetsOf(hardware, host);
  const numa = topology ? cellsOn(hardware, topology, host, taken) : sharing(sets);
  const cells = numa.fit.cells?.map(({ hostCell }) => hostCell) ?? [];
  const pci = choosePci(settings, { hardware, host, taken: pciTaken(taken), cells });
  const devices = 'addresses' in pci && pci.addresses.length > 0 ? { pciDevices: pci.addresses } : {};
  return {
    fit: { ...numa.fit, ...(sets.apart ? { sharedCpus: [...sets.shared] } : {}), ...devices },
    rejections: [...numa.rejections, ...('why' in pci ? [pci.why] : [])],
  };
}

function cellsOn(
  hardware: NodeHardware,
  topology: GuestTopology,
  host: HostPolicy,
  taken: readonly Fit[],
): OfferAnswer {
  const hosts = hostCellsOf(hardware, host, taken);
  const options = { overcommit, pack: host.packCells ?? false };
  const cells = fitNuma(topology, hosts, options);
  return cells
    ? { fit: { cells }, rejections: [] }
    : { fit: {}, rejections: [whyNoCells(topology, hosts, options)] };
}

const sharing = ({ shared }: CpuSets): OfferAnswer => ({
  fit: {},
  rejections:
    shared.length > 0
      ? []
      : [
          {
            test: 'shared-cpus',
            message: 'all its CPUs are for pinned guests (dedicatedCpus is set, sharedCpus is not)',
          },
        ],
});
