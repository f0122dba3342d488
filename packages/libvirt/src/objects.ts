import { int, type Out, string, struct, uuid } from './layouts.ts';

/**
 * How libvirt names things in calls and answers: no handles, only identity. A domain's `id` is -1 while it is stopped
 * and a hint otherwise: the server goes by UUID.
 */
export const domainRef = struct({ name: string, uuid, id: int });
export const networkRef = struct({ name: string, uuid });
export const networkPortRef = struct({ net: networkRef, uuid });
export const nwfilterRef = struct({ name: string, uuid });
export const nwfilterBindingRef = struct({ portdev: string, filtername: string });
export const interfaceRef = struct({ name: string, mac: string });
export const storagePoolRef = struct({ name: string, uuid });
export const storageVolRef = struct({ pool: string, name: string, key: string });
export const nodeDeviceRef = struct({ name: string });
export const secretRef = struct({ uuid, usageType: int, usageID: string });
export const domainCheckpointRef = struct({ name: string, dom: domainRef });
export const domainSnapshotRef = struct({ name: string, dom: domainRef });

/** A domain as libvirt names it: `uuid` with dashes, `id` -1 while stopped. */
export type Domain = Out<typeof domainRef>;
export type Network = Out<typeof networkRef>;
export type NetworkPort = Out<typeof networkPortRef>;
export type Nwfilter = Out<typeof nwfilterRef>;
export type NwfilterBinding = Out<typeof nwfilterBindingRef>;
export type HostInterface = Out<typeof interfaceRef>;
export type StoragePool = Out<typeof storagePoolRef>;
export type StorageVol = Out<typeof storageVolRef>;
export type NodeDevice = Out<typeof nodeDeviceRef>;
export type Secret = Out<typeof secretRef>;
export type DomainCheckpoint = Out<typeof domainCheckpointRef>;
export type DomainSnapshot = Out<typeof domainSnapshotRef>;
