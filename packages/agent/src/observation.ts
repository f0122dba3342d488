/** What is on the node, as looked at: the planner's other input. Nothing here is remembered from having asked for it. */
import type { AttachmentSpec, Epoch } from '@gantry/model';

/** libvirt's domain states and reasons, by libvirt's names without prefix. */
export interface SeenDomain {
  uuid: string;
  name: string;
  state: 'running' | 'blocked' | 'paused' | 'shutdown' | 'shutoff' | 'crashed' | 'pmsuspended' | 'nostate';
  reason: string;
  /** From <metadata>: absent for a foreign domain. */
  ours?: { cluster: string; instance: string; epoch: Epoch; bootOnce?: string };
  /** libvirt's id; changes with every start. */
  domainId?: number;
  memoryMiB: number;
  /** Its memory lies on disk; libvirt goes on with it at the next start, unless told not to. */
  saved?: true;
  /** Files of its disks, while QEMU runs. */
  disks?: { path: string }[];
  /** MACs of its NICs, while QEMU runs. */
  nics?: string[];
  /** Its CD drives, while QEMU runs: the file that lies in each, if any. */
  cds?: { slot: number; tray: 'open' | 'closed'; path?: string }[];
  /** Of a running one of ours: virtual CPUs that are plugged in, and what its balloon leaves it. */
  size?: { vcpus: number; memoryMiB: number };
  /** What its QEMU runs under, or would. */
  accelerator?: 'kvm' | 'tcg';
}

export interface SeenDisk {
  disk: string;
  /** `creating` ones carry the operation that makes them. */
  state: 'creating' | 'ready';
  operation?: string;
  /** Of a ready one that another node brought: `ticketMark` of the order. */
  received?: string;
  template: 'file-qcow2' | 'file-raw';
  path: string;
  /** What a guest sees of a ready one; absent where it could not be read. */
  sizeBytes?: number;
}

export interface SeenBase {
  sha256: string;
  path: string;
  /** Overlays that stand on it. */
  users: string[];
}

export interface SeenNetwork {
  network: string;
  bridge: string;
  ready: boolean;
  /** `leasesText` of what DHCP serves, to see whether they are current. */
  leases: string;
  why?: string;
  /** What it was made for; none where only the bridge is found. */
  spec?: AttachmentSpec;
  /** Taps on the bridge. */
  ports?: string[];
  /** Of them, those that no QEMU has open. */
  idleTaps?: string[];
}

export interface SeenFilter {
  instance: string;
  /** `filterText` of what stands, to see whether it is as wanted. */
  text: string;
}

/** A copy of a running guest's disks that was begun and is not over. */
export interface SeenCopy {
  instance: string;
  operation: string;
}

export interface Observation {
  /** false: libvirt cannot be reached, `domains` says nothing. */
  libvirt: boolean;
  /** It answers but does not let the agent in: why. */
  libvirtRefusal?: string;
  domains: SeenDomain[];
  /** By record of the agent: QEMU may have ended. */
  copies: SeenCopy[];
  /** Why what lies where the storage should be is not it: then `disks` and `bases` say nothing of what is missing. */
  storageFault?: string;
  disks: SeenDisk[];
  bases: SeenBase[];
  networks: SeenNetwork[];
  filters: SeenFilter[];
  /** Instances with files of their own on the node (kernel copy, seed, console log), domain or not. */
  guestFiles: string[];
}
