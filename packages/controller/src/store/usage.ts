/**
 * What each object takes of its project's quota. Kept by the store itself, in the transaction that writes the object: so
 * no way of making or changing things can forget it, and no two that happen at once can pass a limit together.
 */
import type { Usage } from '@gantry/model';
import type { Resource } from '../kinds.ts';

export interface Share extends Usage {
  project: string;
  /** Of the shares with one owner the largest counts: an instance and its bindings are one. */
  owner: string;
}

const MIB = 2 ** 20;
const nothing = { instances: 0, vcpus: 0, memoryMiB: 0, diskMiB: 0, addresses: 0 };

/**
 * Undefined for what takes nothing. A guest that is up has what it was started with, also when its instance was set to less;
 * while it moves there are two bindings of it, which count once.
 */
export function shareOf(object: Resource): Share | undefined {
  const { id, project } = object;
  if (project === undefined) return undefined;
  switch (object.kind) {
    case 'instance': {
      const { vcpus, memoryMiB, nics } = object.spec;
      const addresses = nics.flatMap(({ ipv4, ipv6 }) => [ipv4 ?? [], ipv6 ?? []].flat()).length;
      return { ...nothing, project, owner: id, instances: 1, vcpus, memoryMiB, addresses };
    }
    case 'guest': {
      const { input, reserved, instance } = object.spec;
      const vcpus = Math.max(input.vcpus, reserved?.vcpus ?? 0);
      const memoryMiB = Math.max(input.memoryMiB, reserved?.memoryMiB ?? 0);
      return { ...nothing, project, owner: instance, vcpus, memoryMiB };
    }
    case 'disk':
      return { ...nothing, project, owner: id, diskMiB: Math.ceil(object.spec.sizeBytes / MIB) };
    default:
      return undefined;
  }
}
