/**
 * Every effect that the agent has on its node is one of these: data, named, idempotent. The loop plans them, one
 * `perform` carries them out. So a simulator can do the same plan on a fake node, and stop before, halfway and after.
 * Each is "make it so": carried out twice it does no harm, and it looks before it acts.
 */
import type {
  ActSpec,
  AttachmentSpec,
  BaseReplicaSpec,
  DiskReplicaSpec,
  GuestCopies,
  GuestSpec,
  InstanceId,
  OperationId,
  Plug,
} from '@gantry/model';

/** Base image of an uploaded image: fetch the content, check digest and header, keep it content-addressed. */
export interface BaseEnsure {
  do: 'base.ensure';
  spec: BaseReplicaSpec;
}
export interface BaseRemove {
  do: 'base.remove';
  spec: BaseReplicaSpec;
}
/** Make the disk of this replica: from nothing, from its base, or by an OS provider. Ends with the disk marked ready. */
export interface DiskCreate {
  do: 'disk.create';
  spec: DiskReplicaSpec;
}
/** Send the disk, of which nothing is written any more, to the node that expects it. */
export interface DiskSendOff {
  do: 'disk.send';
  spec: DiskReplicaSpec;
  called?: string; // the disk's name, for people
}
/** Wait for the disk from another node and take it in. Ends with the disk marked ready. */
export interface DiskTakeIn {
  do: 'disk.receive';
  spec: DiskReplicaSpec;
}
/** Remove the bytes of a tombstoned replica. */
export interface DiskRemove {
  do: 'disk.remove';
  spec: DiskReplicaSpec;
}
export interface NetworkEnsure {
  do: 'network.ensure';
  spec: AttachmentSpec;
  /** Who may ask DHCP for what: all guests of the node in this network. */
  leases: { mac: string; ipv4: string; hostname: string }[];
}
export interface NetworkRemove {
  do: 'network.remove';
  spec: AttachmentSpec;
}
/** Ask on the guest's networks whether somebody else has the addresses that it was given. Changes nothing. */
export interface AddressProbe {
  do: 'address.probe';
  spec: GuestSpec;
}
/** What may leave the guest's NICs. */
export interface FilterEnsure {
  do: 'filter.ensure';
  spec: GuestSpec;
}
export interface FilterRemove {
  do: 'filter.remove';
  instance: string;
}
/** Write the guest's own files (kernel copy, seed), define the domain and start it. Never starts a second one. */
export interface GuestStart {
  do: 'guest.start';
  spec: GuestSpec;
  /** Why it is started: said in log and events. */
  because: 'wanted' | 'host-boot' | 'crash' | 'guest-poweroff' | 'guest-reboot';
  /** From where `spec.bootOnce` says; it stands paused then, to be let run when that is on record. */
  once?: true;
}
/** Define only (power=stopped). */
export interface GuestDefine {
  do: 'guest.define';
  spec: GuestSpec;
}
/** Write the memory of a running guest to disk and end its QEMU. Ends when that is done; a guest that cannot runs on. */
export interface GuestSave {
  do: 'guest.save';
  spec: GuestSpec;
}
/** Lets a guest run that stands paused since it was made. */
export interface GuestResume {
  do: 'guest.resume';
  instance: InstanceId;
}
/** Ask the guest to power off: agent, then ACPI. Returns at once. */
export interface GuestShutdown {
  do: 'guest.shutdown';
  instance: InstanceId;
}
/** The power button again, of a guest that was to reboot and has not: while it boots, presses get lost. Returns at once. */
export interface GuestReboot {
  do: 'guest.reboot';
  instance: InstanceId;
}
export interface GuestDestroy {
  do: 'guest.destroy';
  instance: InstanceId;
}
/** Plug virtual CPUs in or out of a guest that runs, until it has so many. Ends when it has; a guest may refuse to give one. */
export interface GuestSetVcpus {
  do: 'guest.setVcpus';
  instance: InstanceId;
  vcpus: number;
}
/** Tell the balloon of a guest that runs how much it shall leave. Returns at once; the guest gives when it gives. */
export interface GuestSetMemory {
  do: 'guest.setMemory';
  instance: InstanceId;
  memoryMiB: number;
}
/** Take the foreign domain that the spec names under management, as it is. */
export interface GuestAdopt {
  do: 'guest.adopt';
  spec: GuestSpec;
}
/** Take the mark off an imported domain, which goes on as it is, and remove the guest's own files. */
export interface GuestRelease {
  do: 'guest.release';
  spec: GuestSpec;
}
/** Undefine the stopped domain and remove its own files (not its disks). */
export interface GuestRemove {
  do: 'guest.remove';
  instance: InstanceId;
}
/**
 * The device that `spec.plug` names: plugged into the running guest, taken out of it, or changed in it. The last two end
 * when the guest has obeyed, or with a refusal after a bounded time.
 */
export interface GuestAttachDevice {
  do: 'guest.attachDevice';
  spec: PluggedSpec;
}
export interface GuestDetachDevice {
  do: 'guest.detachDevice';
  spec: PluggedSpec;
}
export interface GuestUpdateDevice {
  do: 'guest.updateDevice';
  spec: PluggedSpec;
}
export type PluggedSpec = GuestSpec & { plug: Plug };
/**
 * Let the QEMU of a guest that runs copy its disks, all at one moment, to files of another instance's disks. Ends with
 * those marked ready. What an earlier attempt had begun is ended first.
 */
export interface GuestCopy {
  do: 'guest.copy';
  spec: CopiedSpec;
}
export type CopiedSpec = GuestSpec & { copies: GuestCopies };
/** Thaw the guest, end its copying and remove what had come of it. */
export interface GuestEndCopy {
  do: 'guest.endCopy';
  instance: InstanceId;
}
/** Make a disk larger; under a running guest QEMU does it, and the guest is told. */
export interface DiskGrow {
  do: 'disk.grow';
  spec: DiskReplicaSpec;
  called?: string; // the disk's name, for people
  /** The guest that has it open. */
  open?: { instance: InstanceId; path: string };
}
/** One act, at most once; the loop has journaled its begin before. */
export interface ActPerform {
  do: 'act.perform';
  act: string;
  action: ActSpec['action'];
}

export type Action =
  | BaseEnsure
  | BaseRemove
  | DiskCreate
  | DiskSendOff
  | DiskTakeIn
  | DiskRemove
  | NetworkEnsure
  | NetworkRemove
  | AddressProbe
  | FilterEnsure
  | FilterRemove
  | GuestStart
  | GuestDefine
  | GuestSave
  | GuestResume
  | GuestShutdown
  | GuestReboot
  | GuestSetVcpus
  | GuestSetMemory
  | GuestDestroy
  | GuestAdopt
  | GuestRelease
  | GuestRemove
  | GuestAttachDevice
  | GuestDetachDevice
  | GuestUpdateDevice
  | GuestCopy
  | GuestEndCopy
  | DiskGrow
  | ActPerform;

export type ActionName = Action['do'];
export type ActionOf<N extends ActionName> = Extract<Action, { do: N }>;

/** Output for the operation that an action belongs to. */
export type Logger = (level: 'info' | 'warn' | 'error' | 'output', text: string) => void;

/** What carrying out an action gives: things to report which observation would not show. */
export interface Outcome {
  allocatedBytes?: number;
}

/** The thing an action works on: at most one action per subject at a time; different subjects go in parallel. */
export function subjectOf(action: Action): string {
  switch (action.do) {
    case 'base.ensure':
    case 'base.remove':
      return `base:${action.spec.sha256}`;
    case 'disk.create':
    case 'disk.send':
    case 'disk.receive':
    case 'disk.remove':
    case 'disk.grow':
      return `disk:${action.spec.disk}`;
    case 'network.ensure':
    case 'network.remove':
      return `network:${action.spec.network}`;
    case 'address.probe':
      return `address:${action.spec.instance}`;
    case 'filter.ensure':
      return `filter:${action.spec.instance}`;
    case 'filter.remove':
      return `filter:${action.instance}`;
    case 'guest.start':
    case 'guest.define':
    case 'guest.save':
    case 'guest.adopt':
    case 'guest.release':
      return `guest:${action.spec.instance}`;
    case 'guest.attachDevice':
    case 'guest.detachDevice':
    case 'guest.updateDevice':
      return plugSubject(action.spec.instance);
    case 'guest.copy':
      return copySubject(action.spec.instance);
    case 'guest.endCopy':
      return copySubject(action.instance);
    // beside what else is done with the guest: a size that it refuses must not hold up its stop
    case 'guest.setVcpus':
      return `vcpus:${action.instance}`;
    case 'guest.setMemory':
      return `memory:${action.instance}`;
    case 'act.perform':
      return `guest:${action.action.instance}`;
    default:
      return `guest:${action.instance}`;
  }
}

/** A guest may be stopped while it is asked to give up a device. */
export const plugSubject = (instance: string): string => `plug:${instance}`;

/** It goes on for as long as its disks are large. */
export const copySubject = (instance: string): string => `copy:${instance}`;

type OfDevice = GuestAttachDevice | GuestDetachDevice | GuestUpdateDevice;
const isOfDevice = (action: Action): action is OfDevice => action.do.endsWith('Device');

/** The operation that wants to read about it. */
export function operationOf(action: Action): OperationId | undefined {
  if (action.do === 'disk.send') return action.spec.send?.operation;
  if (action.do === 'disk.create' || action.do === 'disk.receive' || action.do === 'disk.remove')
    return action.spec.operation;
  if (action.do === 'disk.grow') return action.spec.operation;
  if (action.do === 'guest.copy') return action.spec.copies.operation;
  if (isOfDevice(action)) return action.spec.plug.operation;
  if (
    action.do === 'guest.start' ||
    action.do === 'guest.define' ||
    action.do === 'guest.save' ||
    action.do === 'guest.adopt' ||
    action.do === 'guest.release' ||
    action.do === 'address.probe'
  )
    return action.spec.operation ?? undefined;
  return undefined;
}
