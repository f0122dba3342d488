/** Assignments for tests of the planner: one guest with one disk and one NIC, everything overridable. */
import type {
  Act,
  Assignments,
  Attachment,
  DiskId,
  Guest,
  GuestSpec,
  InstanceId,
  NetworkId,
  NodeId,
  OperationId,
  Replica,
} from '@gantry/model';
import { wantedText } from '../network/filter/filters.ts';
import { guestFilter } from '../network/filter/sources.ts';
import type { Observation, SeenDomain } from '../observation.ts';
import type { PlanInput } from '../plan/input.ts';

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export const ids = {
  cluster: uuid(1) as never,
  node: uuid(2) as NodeId,
  instance: uuid(3) as InstanceId,
  disk: uuid(4) as DiskId,
  network: uuid(5) as NetworkId,
  operation: uuid(6) as OperationId,
  guest: uuid(7),
  replica: uuid(8),
  attachment: uuid(9),
  act: uuid(10),
};

const envelope = (id: string) => ({
  id,
  name: id,
  revision: '1.1',
  generation: 1,
  createdAt: '2026-01-01T00:00:00Z',
});

export const guestOf = (change: Partial<GuestSpec> = {}, generation = 1): Guest => ({
  kind: 'guest',
  ...envelope(ids.guest),
  generation,
  spec: {
    instance: ids.instance,
    node: ids.node,
    epoch: { incarnation: 1, number: 1 },
    role: 'run',
    power: 'running',
    remove: false,
    input: {
      name: 'web1',
      vcpus: 1,
      memoryMiB: 512,
      extraSpecs: {},
      imageProperties: {},
      policies: [],
      boot: { kernel: 'node', initrd: 'node' },
      disks: [{ id: ids.disk, template: 'file-qcow2', sizeBytes: 2 ** 30 }],
      nics: [{ bridge: 'gantry0', mac: '52:54:00:00:00:01', ipv4: '10.77.0.10', prefix: 24, dhcp: true }],
      personality: {},
      cloudInit: false,
    },
    fit: { node: ids.node },
    life: {
      onPoweroff: 'stop',
      onReboot: 'restart',
      onCrash: 'restart',
      startOnBoot: true,
      stopTimeoutMs: 60_000,
    },
    operation: ids.operation,
    ...change,
  },
  status: { state: 'absent' },
});

export const replicaOf = (desired: 'present' | 'absent' = 'present'): Replica => ({
  kind: 'replica',
  ...envelope(ids.replica),
  spec: {
    what: 'disk',
    node: ids.node,
    cluster: ids.cluster,
    disk: ids.disk,
    desired,
    template: 'file-qcow2',
    sizeBytes: 2 ** 30,
    source: { kind: 'blank' },
    operation: ids.operation,
  },
  status: { state: 'pending' },
});

export const attachmentOf = (desired: 'present' | 'absent' = 'present'): Attachment => ({
  kind: 'attachment',
  ...envelope(ids.attachment),
  spec: { network: ids.network, node: ids.node, desired, mode: 'nat', bridge: 'gantry0', dhcp: true },
  status: { state: 'pending' },
});

export const actOf = (deadline = '2026-01-01T01:00:00Z'): Act => ({
  kind: 'act',
  ...envelope(ids.act),
  spec: {
    node: ids.node,
    operation: ids.operation,
    step: 'reboot',
    attempt: 1,
    deadline,
    action: { kind: 'guest.reboot', instance: ids.instance, epoch: { incarnation: 1, number: 1 } },
  },
  status: { state: 'posted' },
});

export const assignmentsOf = (change: Partial<Assignments> = {}): Assignments => ({
  revision: '1.1',
  term: { incarnation: 1, number: 1 },
  cluster: ids.cluster,
  node: ids.node,
  singleNode: true,
  guests: [guestOf()],
  replicas: [replicaOf()],
  attachments: [attachmentOf()],
  acts: [],
  ...change,
});

export const domainOf = (
  state: SeenDomain['state'],
  reason = 'booted',
  change: Partial<SeenDomain> = {},
): SeenDomain => ({
  uuid: ids.instance,
  name: 'web1',
  state,
  reason,
  ours: { cluster: ids.cluster, instance: ids.instance, epoch: { incarnation: 1, number: 1 } },
  memoryMiB: 512,
  ...change,
});

const leases = '52:54:00:00:00:01,10.77.0.10,web1\n';

/** A node on which disk and network of the guest are ready. */
export const observationOf = (change: Partial<Observation> = {}): Observation => ({
  libvirt: true,
  domains: [],
  disks: [{ disk: ids.disk, state: 'ready', template: 'file-qcow2', path: '/disk' }],
  bases: [],
  networks: [{ network: ids.network, bridge: 'gantry0', ready: true, leases, spec: attachmentOf().spec }],
  filters: [{ instance: ids.instance, text: wantedText(guestFilter(guestOf().spec)) }],
  guestFiles: [],
  copies: [],
  ...change,
});

export const emptyObservation: Observation = {
  libvirt: true,
  domains: [],
  disks: [],
  bases: [],
  networks: [],
  filters: [],
  guestFiles: [],
  copies: [],
};

export const inputOf = (change: Partial<PlanInput> = {}): PlanInput => ({
  assignments: assignmentsOf(),
  observation: observationOf(),
  memory: { acts: {}, guests: {} },
  bootId: 'boot-1',
  mayStart: true,
  now: Date.parse('2026-01-01T00:00:00Z'),
  busy: new Set(),
  failures: new Map(),
  accelerator: 'tcg',
  ...change,
});
