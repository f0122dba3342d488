/** What the controller asks of the package that knows guest hardware. */
import {
  builtinPolicy,
  type GuestInput,
  type GuestPolicy,
  type LifePolicy,
  type Requirements,
  storageOf,
} from '@gantry/model';

/** Memory of a QEMU process beside the guest's, MiB. */
const QEMU_MIB = 192;

/** Effective life-cycle policy: the most specific level that says anything. */
export function lifePolicy(policies: GuestInput['policies']): LifePolicy {
  const merged: GuestPolicy = Object.assign({}, builtinPolicy, ...policies.map(({ policy }) => policy));
  const { onPoweroff, onReboot, onCrash, startOnBoot, stopTimeoutMs } = { ...builtinPolicy, ...merged };
  return { onPoweroff, onReboot, onCrash, startOnBoot, stopTimeoutMs };
}

/** What such a guest needs from its node. */
export function requirements(input: GuestInput, networks: string[]): Requirements {
  const diskMiB: Record<string, number> = {};
  for (const { template, sizeBytes } of input.disks) {
    const storage = storageOf[template];
    diskMiB[storage] = (diskMiB[storage] ?? 0) + Math.ceil(sizeBytes / 2 ** 20);
  }
  return { vcpus: input.vcpus, memoryMiB: input.memoryMiB + QEMU_MIB, diskMiB, networks };
}

/** @throws GantryError `unknown_property`, `invalid_property` */
export function checkExtraSpecs(_specs: Record<string, string>): void {}

/** @throws GantryError `unknown_property`, `invalid_property` */
export function checkImageProperties(_properties: Record<string, string>): void {}
