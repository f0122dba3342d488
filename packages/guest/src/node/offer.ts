/** A guest against one node: what of the node’s hardware it would get, or everything that stands against it. */
import {
  type Fit,
  type GuestInput,
  type HostPolicy,
  isGantryError,
  type NodeFacts,
  type Rejection,
} from '@gantry/model';
import { compileGuest } from '../compile.ts';
import type { HostContext } from '../host-context.ts';
import { passesImageFilter, type SupportedInstance } from '../image-filter.ts';
import { fitNuma } from '../numa/fit.ts';
import { guestTopology } from '../numa/guest-cells.ts';
import { type PlacementRequest, placementRequest } from '../placement-request.ts';
import { gantryProfile, type Profile } from '../profiles.ts';
import { readSettings, type Settings } from '../specs/settings.ts';
import { cpuSetsOf, hostCellsOf } from './cells.ts';
import { hostFactsOf } from './facts.ts';
import { choosePci, pciTaken } from './pci.ts';
import { traitsOf } from './traits.ts';
import { whyNoCells } from './why-no-cells.ts';

/** What is decided about a node’s hardware; the node itself is not. */
export type HardwareFit = Omit<Fit, 'node'>;

export interface Bound {
  readonly extraSpecs: Readonly<Record<string, string>>;
  readonly fit: Fit;
}

export interface NodeOffer {
  readonly facts: NodeFacts;
  /** Of cluster, group and node together. */
  readonly host: HostPolicy;
  /** The guests that it has already. */
  readonly bound: readonly Bound[];
  /** Of the classes that every node has: VCPU, MEMORY_MB, DISK_GB. */
  readonly free: Readonly<Record<string, number>>;
}

export interface OfferAnswer {
  readonly fit: HardwareFit;
  /** Empty: the node can. */
  readonly rejections: readonly Rejection[];
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
  const topology = guestTopology(settings, input);
  const { memoryMiB, vcpus } = input;
  const request = placementRequest(settings, { vcpus, memoryMiB, diskGiB: 0 });
  const compiles = compiler(input, profile);
  return (node) => {
    const { hardware } = node.facts;
    const rejections = [...imageKind(settings, node.facts), ...offered(request, settings, node)];
    if (!hardware) {
      if (topology || settings.flavor.has('pci_passthrough:alias'))
        rejections.push({ test: 'hardware', message: 'its agent does not tell its NUMA cells; update it' });
      return {
        fit: {},
        rejections: [...rejections, ...(rejections.length > 0 ? [] : compiles(node.facts, {}))],
      };
    }
    const fits = node.bound.map(({ fit }) => fit);
    const sets = cpuSetsOf(hardware, node.host);
    const hosts = hostCellsOf(hardware, node.host, fits);
    const options = { overcommit: hostFactsOf(node.facts).overcommit, pack: node.host.packCells ?? false };
    const cells = topology && fitNuma(topology, hosts, options);
    if (topology && !cells) rejections.push(whyNoCells(topology, hosts, options));
    if (!topology && sets.shared.length === 0)
      rejections.push({
        test: 'shared-cpus',
        message: 'all its CPUs are for pinned guests (dedicatedCpus is set, sharedCpus is not)',
      });
    const near = cells?.map(({ hostCell }) => hostCell) ?? [];
    const pci = choosePci(settings, { hardware, host: node.host, taken: pciTaken(fits), cells: near });
    if ('why' in pci) rejections.push(pci.why);
    const fit: HardwareFit = {
      ...(cells ? { cells } : {}),
      ...(sets.apart ? { sharedCpus: [...sets.shared] } : {}),
      ...('addresses' in pci && pci.addresses.length > 0 ? { pciDevices: pci.addresses } : {}),
    };
    if (rejections.length === 0) rejections.push(...compiles(node.facts, fit));
    return { fit, rejections };
  };
}

function imageKind({ image }: Settings, { architecture, accelerator, qemuVersion }: NodeFacts): Rejection[] {
  const supported = [
    [architecture, 'qemu', 'hvm'],
    ...(accelerator.kvm ? [[architecture, 'kvm', 'hvm']] : []),
  ] as unknown as readonly SupportedInstance[];
  const [major = 0, minor = 0, micro = 0] = (qemuVersion ?? '').split('.').map(Number);
  const host = { supported, hypervisorVersion: major * 1_000_000 + minor * 1000 + micro };
  // With the node’s architecture as default a version is looked at even where the image says nothing else.
  if (passesImageFilter(image, host, architecture)) return [];
  const has = supported.map((triple) => triple.join('/')).join(' and ');
  return [
    {
      test: 'image-kind',
      message: `it runs ${has} with QEMU ${qemuVersion ?? '?'}, the image needs another`,
    },
  ];
}

/** Traits and resource classes. */
function offered(request: PlacementRequest, settings: Settings, node: NodeOffer): Rejection[] {
  const traits = traitsOf(node.facts, node.host);
  const missing = request.requiredTraits.filter((trait) => !traits.has(trait) && !impliedElsewhere(trait));
  const unwanted = request.forbiddenTraits.filter((trait) => traits.has(trait) && !impliedElsewhere(trait));
  return [
    ...missing.map((trait) => ({ test: 'traits', message: `no trait ${trait}` })),
    ...unwanted.map((trait) => ({ test: 'traits', message: `has trait ${trait}` })),
    ...resources(settings, node),
  ];
}

/** What thread policies, TPM, Secure Boot and the like mean is told by its own test, in words of its own. */
const impliedElsewhere = (trait: string): boolean =>
  /^(HW_CPU_HYPERTHREADING|COMPUTE_SECURITY_.*|HW_ARCH_.*)$/.test(trait);

/** What flavors ask for by `resources:`; what they need anyway is tested in numbers of its own. */
function resources({ flavor }: Settings, { host, bound, free }: NodeOffer): Rejection[] {
  const asked = amounts([...flavor].map(([key, { value }]) => [key, Number(value)] as const));
  return [...asked].flatMap(([name, needed]) => {
    const taken = bound.map(({ extraSpecs }) =>
      amounts(Object.entries(extraSpecs).map(([key, value]) => [key, Number(value)] as const)).get(name),
    );
    // Pinned CPUs are counted by the cells that they are in.
    if (name === 'PCPU') return [];
    const total = host.resources?.[name];
    const available =
      name in free ? (free[name] ?? 0) : (total ?? 0) - sum(taken.map((amount) => amount ?? 0));
    if (needed <= available) return [];
    return [
      {
        test: 'resources',
        message: `${name}: short by ${needed - available}`,
        needed,
        available,
        unit: name,
      },
    ];
  });
}

function amounts(pairs: readonly (readonly [string, number])[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [key, amount] of pairs) {
    const name = /^resources[\w-]*:(.+)$/.exec(key)?.[1];
    if (name !== undefined) found.set(name, (found.get(name) ?? 0) + amount);
  }
  return found;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/**
 * The guest compiled as the node’s agent would: what that refuses is refused here, in the same words. Nodes of the same
 * kind give the same answer, which is kept.
 */
function compiler(input: GuestInput, profile: Profile) {
  const known = new Map<string, readonly Rejection[]>();
  return (facts: NodeFacts, fit: HardwareFit): readonly Rejection[] => {
    const { cells: _, pciFunctions: __, ...kind } = facts.hardware ?? {};
    const { architecture, accelerator, machineTypes, libvirtVersion } = facts;
    const key = JSON.stringify([kind, architecture, accelerator.kvm, machineTypes, libvirtVersion, fit]);
    const answer = known.get(key) ?? compiled(input, facts, fit, profile);
    known.set(key, answer);
    return answer;
  };
}

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
  directIo: true,
  kernel: '/kernel',
  consoleLog: '/console.log',
  agentSocket: '/agent.sock',
  vncSocket: '/vnc.sock',
});
