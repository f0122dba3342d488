/** CPUs as libvirt describes them, and the one that all nodes of a group can give. */
import { NodeId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Timestamp, Type } from '../schema.ts';

export const CpuFeatureName = Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' });
const Features = Type.Array(CpuFeatureName, { maxItems: 1024 });

/** https://libvirt.org/formatdomain.html#cpu-model-and-topology */
export const CpuDefinition = strict(
  {
    model: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$', description: 'libvirt’s name' }),
    vendor: optional(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' })),
    features: Type.Array(strict({ name: CpuFeatureName, policy: oneOf(['require', 'disable'] as const) }), {
      maxItems: 1024,
      description: 'beyond those of the model, or less',
    }),
  },
  { description: 'a CPU: the nearest named model and the differences from it' },
);
export type CpuDefinition = Static<typeof CpuDefinition>;

export const LeftOut = strict({
  node: NodeId,
  lacks: Features,
  why: Type.String({ description: 'for people' }),
});
export type LeftOut = Static<typeof LeftOut>;

export const GroupCpu = strict(
  {
    baseline: CpuDefinition,
    features: Type.Array(CpuFeatureName, {
      maxItems: 1024,
      description: 'all that it has, those of the model written out',
    }),
    kind: Type.String({ description: 'architecture, accelerator and vendor that its nodes share' }),
    from: Type.Array(strict({ node: NodeId, cpu: Type.String({ description: 'digest of its CPU' }) }), {
      description: 'nodes that it was computed of',
    }),
    by: NodeId,
    since: Timestamp,
    narrowedAt: optional(Timestamp),
    leftOut: Type.Array(LeftOut, {
      description: 'nodes that cannot give it; their guests get the node’s own CPU',
    }),
  },
  { description: 'the CPU that host-model guests get on the nodes of a group, so that they can move' },
);
export type GroupCpu = Static<typeof GroupCpu>;

/** What a guest on a node of that group gets for host-model. */
export const CpuBaseline = strict({
  group: Type.String({ description: 'its name' }),
  cpu: CpuDefinition,
});
export type CpuBaseline = Static<typeof CpuBaseline>;
