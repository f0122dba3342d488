/** What exists on a simulated node: survives the agent, not all of it the node's power. */

import type { JournalState, Observation, SeenDisk, SeenDomain, SeenNetwork } from '@gantry/agent';
import type { Epoch, LeaveWith } from '@gantry/model';

export interface FakeDomain extends Omit<SeenDomain, 'disks' | 'nics' | 'cds'> {
  /** Their ids. */
  disks: string[];
  /** Their MACs. */
  nics: string[];
  tap: boolean;
  /** What lies in its CD drives: digests, by place; while QEMU runs. */
  drives: Map<number, string | undefined>;
  /** What its QEMU was started with room for. */
  most?: NonNullable<SeenDomain['size']>;
  /** libvirt starts it when the node boots. */
  autostart?: boolean;
}

/** With what guests have written to it: every start adds to it. */
export interface FakeDisk extends SeenDisk {
  content: string;
}

export interface FakeCopy {
  operation: string;
  disks: { from: string; to: string }[];
  /** The guest hangs. */
  frozen: boolean;
}

/** All nodes, and what no single one of them can know. */
export interface World {
  nodes: FakeNode[];
  /** Disk id -> what it must hold, wherever it is. */
  written: Map<string, string>;
  /** Instance -> when its guest last powered off by itself, ms. */
  powerOffs: Map<string, number>;
  /** What must never happen, and did. */
  violations: string[];
}

export interface FakeNode {
  world: World;
  /** Of the cluster's node. */
  id: string;

  name: string;
  cluster: string;
  /** Its agent has an identity of this cluster. */
  isMember: boolean;
  /** The controller's word that it leaves, and what may go with it; on its disk. */
  leaving?: LeaveWith;
  bootId: string;
  domains: Map<string, FakeDomain>;
  disks: Map<string, FakeDisk>;
  bases: Map<string, { sha256: string; path: string }>;
  networks: Map<string, SeenNetwork>;
  /** By instance. */
  filters: Map<string, string>;
  /** Addresses that a machine outside of the cluster answers for. */
  heldElsewhere: Set<string>;
  guestFiles: Set<string>;
  /** By instance: domains that somebody else made, as they were known last. */
  records: Map<string, FakeDomain>;
  /** By source: what its QEMU copies, and what its disks held when it began. */
  copies: Map<string, FakeCopy>;
  journal: string | undefined;
  libvirt: boolean;
  accelerator: 'kvm' | 'tcg';
  /** Instances whose guests give up no device. */
  stubborn: Set<string>;
  /** Every start of a guest: when, which epoch. The invariant "no guest twice" reads it. */
  starts: { instance: string; epoch: Epoch; at: number; restored: boolean; once?: string; letRun?: true }[];
  nextDomainId: number;
}

export const fakeWorld = (): World => ({
  nodes: [],
  written: new Map(),
  powerOffs: new Map(),
  violations: [],
});

export const fakeNode = (
  world: World,
  { id, name }: Pick<FakeNode, 'id' | 'name'>,
  cluster: string,
  bootId: string,
): FakeNode => ({
  world,
  id,
  name,
  cluster,
  isMember: true,
  bootId,
  domains: new Map(),
  disks: new Map(),
  bases: new Map(),
  networks: new Map(),
  filters: new Map(),
  heldElsewhere: new Set(),
  guestFiles: new Set(),
  records: new Map(),
  copies: new Map(),
  journal: undefined,
  libvirt: true,
  // the second one emulates
  accelerator: name === 'n2' ? 'tcg' : 'kvm',
  stubborn: new Set(),
  starts: [],
  nextDomainId: 1,
});

export function look(node: FakeNode): Observation {
  return {
    libvirt: node.libvirt,
    domains: node.libvirt
      ? [...node.domains.values()].map(
          ({ disks, nics, drives, tap: _, most: __, autostart: ___, ...domain }) => ({
            ...domain,
            accelerator: node.accelerator,
            ...(domain.state === 'shutoff'
              ? {}
              : {
                  nics: [...nics],
                  disks: disks.map((id) => ({ path: pathOf(node, id) })),
                  ...(drives.size > 0 ? { cds: cdsOf(drives) } : {}),
                }),
          }),
        )
      : [],
    disks: [...node.disks.values()].map(({ content: _, ...disk }) => ({ ...disk })),
    bases: [...node.bases.values()].map((base) => ({ ...base, users: [] })),
    networks: [...node.networks.values()].map((network) => ({ ...network })),
    filters: [...node.filters].map(([instance, text]) => ({ instance, text })),
    guestFiles: [...node.guestFiles],
    copies: [...node.copies].map(([instance, { operation }]) => ({ instance, operation })),
  };
}

const cdsOf = (drives: FakeDomain['drives']): NonNullable<SeenDomain['cds']> =>
  [...drives].map(([slot, sha256]) => ({
    slot,
    tray: 'closed',
    ...(sha256 === undefined ? {} : { path: `/bases/${sha256}` }),
  }));

const pathOf = ({ disks }: FakeNode, id: string): string => disks.get(id)?.path ?? `/gone/${id}`;

/** Power cut and boot: QEMU processes, bridges and taps are gone; files and definitions stay. */
export function powerCycle(node: FakeNode, bootId: string): void {
  node.bootId = bootId;
  for (const domain of node.domains.values()) {
    shutOff(domain, 'unknown');
    if (domain.autostart) startAlone(node, domain);
  }
  node.networks.clear();
  node.filters.clear();
}

/** As libvirt does by itself, or somebody with virsh. */
export function startAlone(node: FakeNode, domain: FakeDomain): void {
  domain.state = 'running';
  domain.reason = 'booted';
  domain.domainId = node.nextDomainId++;
}

export function shutOff(domain: FakeDomain, reason: string): void {
  domain.state = 'shutoff';
  domain.reason = reason;
  domain.tap = false;
  domain.drives.clear();
  if (domain.ours) delete domain.ours.bootOnce;
  delete domain.domainId;
  delete domain.size;
  delete domain.most;
}

/** From inside, and nobody asked for it. */
export function powerOff({ powerOffs }: World, domain: FakeDomain, now: number): void {
  powerOffs.set(domain.uuid, now);
  shutOff(domain, 'shutdown');
}

export const readJournal = (node: FakeNode): JournalState | undefined =>
  node.journal ? (JSON.parse(node.journal) as JournalState) : undefined;
