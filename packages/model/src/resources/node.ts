import { GroupId, Name } from '../ids.ts';
import { count, oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { Bytes, MiB } from '../units.ts';
import { Condition, resource } from './common.ts';
import { HostPolicy } from './host-policy.ts';
import { NodeHardware } from './node-hardware.ts';
import { TransferPort } from './transfer.ts';

export const nodeRoles = ['active', 'drained', 'offline'] as const;
export const nodeStates = ['joining', 'ready', 'degraded', 'lost'] as const;

export const NodeSpec = strict({
  group: GroupId,
  role: oneOf(nodeRoles, 'drained takes no new guests; offline is not spoken with'),
  machine: optional(
    Type.String({ description: '/etc/machine-id of the machine that joined under this name' }),
  ),
  host: optional(HostPolicy),
});
export type NodeSpec = Static<typeof NodeSpec>;

export const Accelerator = strict(
  {
    kvm: Type.Boolean({ description: 'KVM really runs a guest here: one was booted to find out' }),
    reason: Type.String({ description: 'why not, or what was seen' }),
    examinedAnew: optional(
      Type.Boolean({
        description:
          '/dev/kvm opens for QEMU but fails: libvirt examines QEMU anew before each definition of a guest',
      }),
    ),
    testedWith: optional(Type.String({ description: 'kernel and QEMU version that the test used' })),
  },
  { description: 'result of the accelerator self-test' },
);
export type Accelerator = Static<typeof Accelerator>;

export const NodeFacts = strict({
  hostname: Type.String(),
  machine: optional(Type.String({ description: '/etc/machine-id' })),
  architecture: Type.String({ description: 'as libvirt names it: x86_64, aarch64' }),
  cpus: count('logical CPUs'),
  cpuModel: Type.String(),
  memoryMiB: MiB('usable memory, from /proc/meminfo'),
  kernel: Type.String(),
  libvirtVersion: optional(Type.String()),
  qemuVersion: optional(Type.String()),
  machineTypes: optional(Type.Array(Type.String())),
  accelerator: Accelerator,
  hardware: optional(NodeHardware),
  transfer: optional(TransferPort),
  agentVersion: Type.String(),
  capabilities: Type.Array(Type.String(), {
    description: 'what this agent understands: assignment fields, storage and network drivers, OS providers',
  }),
});
export type NodeFacts = Static<typeof NodeFacts>;

/** What a node found out about itself when it was asked to. */
export const NodeProbed = strict({
  facts: NodeFacts,
  goesOn: optional(Type.String({ description: 'what is still being found out; the facts follow then' })),
});
export type NodeProbed = Static<typeof NodeProbed>;

export const NodeStatus = strict({
  state: oneOf(nodeStates),
  bootId: optional(Type.String()),
  facts: optional(NodeFacts),
  storage: optional(
    Type.Array(
      strict({
        name: Type.String(),
        path: Type.String(),
        totalBytes: Bytes('size of the file system'),
        freeBytes: Bytes('free for us'),
      }),
    ),
  ),
  memoryFreeMiB: optional(MiB('free now')),
  conditions: Type.Array(Condition),
  foreignDomains: optional(
    Type.Array(
      strict({
        name: Type.String(),
        uuid: Type.String(),
        memoryMiB: MiB('its maximum'),
        running: Type.Boolean(),
      }),
    ),
  ),
  unknown: optional(
    Type.Array(Type.String(), {
      description:
        'things of this cluster on the node which the store does not know; never removed by itself',
    }),
  ),
  lastSeenAt: optional(Timestamp),
});
export type NodeStatus = Static<typeof NodeStatus>;

/** A machine that runs guests. */
export const Node = resource('node', Name, NodeSpec, NodeStatus);
export type Node = Static<typeof Node>;
