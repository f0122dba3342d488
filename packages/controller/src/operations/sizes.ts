/** What a flavor gives an instance, as one thing that can be exchanged. */
import { type Instance, type InstanceSize, InstanceSpec, type Resize, validate } from '@gantry/model';

export function sizeOf({ spec }: Pick<Instance, 'spec'>): InstanceSize {
  const { flavor, vcpus, memoryMiB, maxVcpus, maxMemoryMiB, extraSpecs } = spec;
  return {
    ...(flavor ? { flavor } : {}),
    vcpus,
    memoryMiB,
    ...(maxVcpus === undefined ? {} : { maxVcpus }),
    ...(maxMemoryMiB === undefined ? {} : { maxMemoryMiB }),
    ...(extraSpecs ? { extraSpecs } : {}),
  };
}

/** The instance with that size, and with that resize or none. */
export function withSize(instance: Instance, size: InstanceSize, resize: Resize | undefined): Instance {
  const {
    flavor: _f,
    vcpus: _v,
    memoryMiB: _m,
    maxVcpus: _mv,
    maxMemoryMiB: _mm,
    extraSpecs: _e,
    resize: _r,
    ...rest
  } = instance.spec;
  const spec = validate(InstanceSpec, { ...rest, ...size, ...(resize ? { resize } : {}) });
  return { ...instance, generation: instance.generation + 1, spec };
}
