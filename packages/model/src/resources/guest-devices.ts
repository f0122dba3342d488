/** Devices that are plugged into a running guest or out of it: the order to its node, and what the node finds. */
import { DiskId, OperationId } from '../ids.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { Ipv4Address, Ipv6Address, MacAddress } from './network.ts';

/**
 * What of a running guest is being changed, for as long as its operation lasts. `attach` and `update` bring a device to
 * what `input` says of it; only `detach` takes one out for good: a device that `input` does not name is nobody's to
 * remove.
 */
export const Plug = strict({
  operation: OperationId,
  do: oneOf(['attach', 'detach', 'update'] as const),
  disk: optional(DiskId),
  mac: optional(MacAddress),
  replug: optional(
    Type.Boolean({ description: 'with `update`: taken out and plugged in again, as what it is to be' }),
  ),
  probe: optional(
    Type.Array(Type.Union([Ipv4Address, Ipv6Address]), {
      minItems: 1,
      maxItems: 2,
      description: 'addresses of that NIC that nobody else may answer for before the guest has them',
    }),
  ),
  cd: optional(Type.Integer({ minimum: 0, description: 'a CD drive, by its place' })),
  force: optional(Type.Boolean({ description: 'also where the guest has locked the tray of the drive' })),
});
export type Plug = Static<typeof Plug>;

/** Devices in the running guest that are known to be an instance’s, as libvirt tells of them. */
export const GuestDevices = strict({
  disks: Type.Array(DiskId),
  nics: optional(Type.Array(MacAddress)),
  cds: optional(Type.Array(Type.Integer({ minimum: 0 }), { description: 'CD drives, by their places' })),
  updated: optional(Type.Boolean({ description: 'what was to be changed is' })),
});
export type GuestDevices = Static<typeof GuestDevices>;
